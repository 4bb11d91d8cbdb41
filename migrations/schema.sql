CREATE SCHEMA runmeta;

ALTER SCHEMA runmeta OWNER TO postgres;

COMMENT ON SCHEMA runmeta IS 'run metadata: what background jobs say about themselves while they run';

CREATE EXTENSION IF NOT EXISTS runmeta WITH SCHEMA runmeta;

COMMENT ON EXTENSION runmeta IS 'run metadata: a JSON document for each run of a background job, changed while it runs';

CREATE TABLE runmeta.inbox (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    run_created_at timestamp with time zone NOT NULL,
    source_id text NOT NULL COLLATE pg_catalog."C",
    writer uuid,
    operations jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='10000', autovacuum_vacuum_insert_threshold='-1', autovacuum_analyze_threshold='1000000');
ALTER TABLE ONLY runmeta.inbox ALTER COLUMN operations SET STATISTICS 0;

ALTER TABLE runmeta.inbox OWNER TO postgres;

COMMENT ON TABLE runmeta.inbox IS 'lists of operations that wait to be folded into the metadata of their run';

COMMENT ON COLUMN runmeta.inbox.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.inbox.run_id IS 'run that the list is for';

COMMENT ON COLUMN runmeta.inbox.id IS 'place in the order in which lists are applied';

COMMENT ON COLUMN runmeta.inbox.run_created_at IS 'when the run that the list is for was started';

COMMENT ON COLUMN runmeta.inbox.source_id IS 'run that brought the list';

COMMENT ON COLUMN runmeta.inbox.writer IS 'client process that sent it in a batch';

COMMENT ON COLUMN runmeta.inbox.operations IS 'the list';

COMMENT ON COLUMN runmeta.inbox.created_at IS 'when it came';

ALTER TABLE runmeta.inbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.inbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE runmeta.run (
    root_id text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    parent_id text COLLATE pg_catalog."C",
    depth integer DEFAULT 0 NOT NULL,
    task text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    size_bound integer,
    CONSTRAINT run_attempt_positive CHECK ((attempt > 0)),
    CONSTRAINT run_depth_not_negative CHECK ((depth >= 0)),
    CONSTRAINT run_id_length CHECK (((octet_length(id) >= 1) AND (octet_length(id) <= 255))),
    CONSTRAINT run_metadata_is_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT run_version_positive CHECK ((version > 0)),
    CONSTRAINT run_without_parent_has_depth_zero CHECK (((parent_id IS NULL) = (depth = 0))),
    CONSTRAINT run_without_parent_is_its_own_root CHECK (((parent_id IS NULL) = (root_id = id)))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.5', toast.autovacuum_vacuum_scale_factor='0.05', toast.autovacuum_vacuum_threshold='5000');
ALTER TABLE ONLY runmeta.run ALTER COLUMN metadata SET STATISTICS 0;
ALTER TABLE ONLY runmeta.run ALTER COLUMN metadata SET COMPRESSION lz4;

ALTER TABLE runmeta.run OWNER TO postgres;

COMMENT ON TABLE runmeta.run IS 'runs, their families and their metadata';

COMMENT ON COLUMN runmeta.run.root_id IS 'first run of the tree, the run itself if it has no parent';

COMMENT ON COLUMN runmeta.run.id IS 'id given by the caller, 1 to 255 bytes';

COMMENT ON COLUMN runmeta.run.parent_id IS 'run that started this one, never changes';

COMMENT ON COLUMN runmeta.run.depth IS 'steps up to the root, 0 for the root';

COMMENT ON COLUMN runmeta.run.task IS 'name of the job that runs';

COMMENT ON COLUMN runmeta.run.tags IS 'words to find the run by';

COMMENT ON COLUMN runmeta.run.status IS 'status of its attempt, a word given to start, set_status or finish';

COMMENT ON COLUMN runmeta.run.attempt IS 'try at the run, from 1';

COMMENT ON COLUMN runmeta.run.metadata IS 'the document, a json object';

COMMENT ON COLUMN runmeta.run.version IS 'counter of the document, 1 at start, grows with each change';

COMMENT ON COLUMN runmeta.run.created_at IS 'when the run was first started';

COMMENT ON COLUMN runmeta.run.started_at IS 'when its attempt began to work, null while it waits';

COMMENT ON COLUMN runmeta.run.updated_at IS 'when the run last changed';

COMMENT ON COLUMN runmeta.run.finished_at IS 'when its attempt finished, null until then';

COMMENT ON COLUMN runmeta.run.size_bound IS 'bytes that the document has at the most as compact json, null if not known';

CREATE VIEW runmeta.live_run WITH (security_invoker='true') AS
 SELECT r.root_id,
    r.id,
    r.parent_id,
    r.depth,
    r.task,
    r.tags,
    r.status,
    r.attempt,
    runmeta._live_metadata(r.metadata, r.root_id, r.id, r.created_at) AS metadata,
    runmeta._live_version(r.version, r.root_id, r.id, r.created_at) AS version,
    r.created_at,
    r.started_at,
    runmeta._live_updated_at(r.updated_at, r.root_id, r.id, r.created_at) AS updated_at,
    r.finished_at,
    r.size_bound
   FROM runmeta.run r;

ALTER TABLE runmeta.live_run OWNER TO postgres;

COMMENT ON VIEW runmeta.live_run IS 'runs with the lists that wait in the inbox applied to their metadata';

CREATE TABLE runmeta.outbox (
    id bigint NOT NULL,
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    version bigint
);

ALTER TABLE runmeta.outbox OWNER TO postgres;

COMMENT ON TABLE runmeta.outbox IS 'runs that a prepared transaction changed, to be announced when it is committed';

COMMENT ON COLUMN runmeta.outbox.id IS 'makes the row unique';

COMMENT ON COLUMN runmeta.outbox.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.outbox.run_id IS 'run that changed';

COMMENT ON COLUMN runmeta.outbox.version IS 'version that it was given, null if a list was queued for it';

ALTER TABLE runmeta.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE runmeta.schema_history (
    version integer NOT NULL,
    name text NOT NULL,
    applied_on text NOT NULL,
    checksum text NOT NULL
);

ALTER TABLE runmeta.schema_history OWNER TO postgres;

COMMENT ON TABLE runmeta.schema_history IS 'migrations this database has';

COMMENT ON COLUMN runmeta.schema_history.version IS 'number of the migration';

COMMENT ON COLUMN runmeta.schema_history.name IS 'name of the migration';

COMMENT ON COLUMN runmeta.schema_history.applied_on IS 'when it was applied, as in rfc 3339';

COMMENT ON COLUMN runmeta.schema_history.checksum IS 'hash of its name, number and text';

CREATE TABLE runmeta.unapplied (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    source_id text NOT NULL COLLATE pg_catalog."C",
    writer uuid,
    operation jsonb NOT NULL,
    reason text NOT NULL,
    detail text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    id bigint NOT NULL
);

ALTER TABLE runmeta.unapplied OWNER TO postgres;

COMMENT ON TABLE runmeta.unapplied IS 'operations that waited in the inbox and could not be applied, the last 100 of each run';

COMMENT ON COLUMN runmeta.unapplied.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.unapplied.run_id IS 'run whose metadata it was for';

COMMENT ON COLUMN runmeta.unapplied."position" IS 'how many the run had with this one, counted from 1';

COMMENT ON COLUMN runmeta.unapplied.source_id IS 'run that brought the operation';

COMMENT ON COLUMN runmeta.unapplied.writer IS 'client process that sent it in a batch';

COMMENT ON COLUMN runmeta.unapplied.operation IS 'the operation, without its value if it is large';

COMMENT ON COLUMN runmeta.unapplied.reason IS 'a word for the reason';

COMMENT ON COLUMN runmeta.unapplied.detail IS 'the reason in a sentence';

COMMENT ON COLUMN runmeta.unapplied.created_at IS 'when it was to be applied';

COMMENT ON COLUMN runmeta.unapplied.id IS 'makes the row unique';

ALTER TABLE runmeta.unapplied ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.unapplied_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE runmeta.writer (
    id uuid NOT NULL,
    last_sequence bigint NOT NULL,
    refused jsonb,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT writer_last_sequence_positive CHECK ((last_sequence > 0))
)
WITH (fillfactor='50');

ALTER TABLE runmeta.writer OWNER TO postgres;

COMMENT ON TABLE runmeta.writer IS 'client processes and the last batch of each, so that none is applied twice';

COMMENT ON COLUMN runmeta.writer.id IS 'uuid the client process chose';

COMMENT ON COLUMN runmeta.writer.last_sequence IS 'number of its last batch, counted from 1';

COMMENT ON COLUMN runmeta.writer.refused IS 'what had no effect of its last batch, to be told again if it comes again, null if nothing';

COMMENT ON COLUMN runmeta.writer.updated_at IS 'when that batch came';

ALTER TABLE ONLY runmeta.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (root_id, run_id, id);

ALTER TABLE ONLY runmeta.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY runmeta.run
    ADD CONSTRAINT run_id_key UNIQUE (id);

ALTER TABLE ONLY runmeta.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (root_id, id);

ALTER TABLE ONLY runmeta.schema_history
    ADD CONSTRAINT schema_history_pkey PRIMARY KEY (version);

ALTER TABLE ONLY runmeta.unapplied
    ADD CONSTRAINT unapplied_pkey PRIMARY KEY (root_id, run_id, "position", id);

ALTER TABLE ONLY runmeta.writer
    ADD CONSTRAINT writer_pkey PRIMARY KEY (id);

CREATE INDEX run_created_at_idx ON runmeta.run USING btree (created_at) WHERE (parent_id IS NULL);

COMMENT ON INDEX runmeta.run_created_at_idx IS 'trees by the time of their start';

CREATE INDEX run_finished_at_idx ON runmeta.run USING btree (finished_at, root_id) WHERE ((parent_id IS NULL) AND (finished_at IS NOT NULL));

COMMENT ON INDEX runmeta.run_finished_at_idx IS 'finished trees, for prune';

CREATE INDEX run_root_id_parent_id_idx ON runmeta.run USING btree (root_id, parent_id) WHERE (parent_id IS NOT NULL);

COMMENT ON INDEX runmeta.run_root_id_parent_id_idx IS 'children of a run';

CREATE INDEX run_task_created_at_idx ON runmeta.run USING btree (task, created_at) WHERE (task IS NOT NULL);

COMMENT ON INDEX runmeta.run_task_created_at_idx IS 'runs of a task by the time of their start';

CREATE INDEX run_unfinished_idx ON runmeta.run USING btree (created_at) WHERE (finished_at IS NULL);

COMMENT ON INDEX runmeta.run_unfinished_idx IS 'runs that wait or run, by the time of their start';

CREATE POLICY of_visible_runs ON runmeta.unapplied FOR SELECT USING ((EXISTS ( SELECT
   FROM runmeta.run r
  WHERE ((r.root_id = unapplied.root_id) AND (r.id = unapplied.run_id)))));

ALTER TABLE runmeta.unapplied ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA runmeta TO runmeta_reader;
GRANT USAGE ON SCHEMA runmeta TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._apply_lists(root_id text, id text, metadata jsonb, version bigint, finished_at timestamp with time zone, size_bound integer) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._apply_lists(root_id text, id text, metadata jsonb, version bigint, finished_at timestamp with time zone, size_bound integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._changed_bound() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._changed_bound() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._changed_document() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._changed_document() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._depth_first(ids text[], parent_ids text[]) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._depth_first(ids text[], parent_ids text[]) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._family(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._family(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._live_metadata(metadata jsonb, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._live_metadata(metadata jsonb, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._live_updated_at(updated_at timestamp with time zone, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._live_updated_at(updated_at timestamp with time zone, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._live_version(version bigint, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._live_version(version bigint, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._value_at(document jsonb, key text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._value_at(document jsonb, key text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._worker_state() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._worker_state() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.ancestors(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.ancestors(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.append(run_id text, key text, value jsonb, target runmeta.target, keep integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.apply(run_id text, operations jsonb, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.apply_operations(document jsonb, operations jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.apply_operations(document jsonb, operations jsonb) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.decrement(run_id text, key text, by numeric, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.del(run_id text, key text, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.deliver(max_runs integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.descendants(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.descendants(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.finish(run_id text, status text, attempt integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.flush(batch jsonb, writer uuid, sequence bigint) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.fold(max_runs integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.get(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.get(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.get(run_id text, key text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.get(run_id text, key text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.increment(run_id text, key text, by numeric, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.merge(run_id text, value jsonb, target runmeta.target, key text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.number_at(document jsonb, key text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.number_at(document jsonb, key text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.remove(run_id text, key text, value jsonb, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.replace(run_id text, value jsonb, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.rollup(run_id text, key text, depth integer, task text, include_self boolean) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.rollup(run_id text, key text, depth integer, task text, include_self boolean) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.rollup_each(run_ids text[], key text, depth integer, task text, include_self boolean) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.rollup_each(run_ids text[], key text, depth integer, task text, include_self boolean) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.set(run_id text, key text, value jsonb, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.set_status(run_id text, status text, attempt integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.size(document jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.size(document jsonb) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.start(run_id text, metadata jsonb, parent_run_id text, task text, tags text[], status text, attempt integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.tree(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.tree(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.unapplied_operations(document jsonb, operations jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.unapplied_operations(document jsonb, operations jsonb) TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.run TO runmeta_reader;
GRANT SELECT,INSERT ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(status) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(attempt) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(metadata) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(version) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(started_at) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(updated_at) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(finished_at) ON TABLE runmeta.run TO runmeta_writer;

GRANT UPDATE(size_bound) ON TABLE runmeta.run TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.live_run TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.live_run TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.unapplied TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.unapplied TO runmeta_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE runmeta.writer TO runmeta_writer;
