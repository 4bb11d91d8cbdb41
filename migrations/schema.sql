CREATE SCHEMA runmeta;

ALTER SCHEMA runmeta OWNER TO postgres;

COMMENT ON SCHEMA runmeta IS 'run metadata: what background jobs say about themselves while they run';

CREATE EXTENSION IF NOT EXISTS runmeta WITH SCHEMA runmeta;

COMMENT ON EXTENSION runmeta IS 'run metadata: a JSON document for each run of a background job, changed while it runs';

CREATE TABLE runmeta.adapter_failure (
    id bigint NOT NULL,
    adapter integer NOT NULL,
    role name DEFAULT CURRENT_USER NOT NULL,
    operation text NOT NULL,
    jobs text[],
    sqlstate text NOT NULL,
    message text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE runmeta.adapter_failure OWNER TO postgres;

COMMENT ON TABLE runmeta.adapter_failure IS 'changes of jobs that adapters could not record or apply, the last 100 of each';

COMMENT ON COLUMN runmeta.adapter_failure.id IS 'makes the row unique';

COMMENT ON COLUMN runmeta.adapter_failure.adapter IS 'adapter of the queue';

COMMENT ON COLUMN runmeta.adapter_failure.role IS 'role that changed the jobs';

COMMENT ON COLUMN runmeta.adapter_failure.operation IS 'INSERT, UPDATE, DELETE or TRUNCATE on the table of jobs, or follow';

COMMENT ON COLUMN runmeta.adapter_failure.jobs IS 'ids of the jobs, at most 100, null if they could not be read';

COMMENT ON COLUMN runmeta.adapter_failure.sqlstate IS 'code of the error';

COMMENT ON COLUMN runmeta.adapter_failure.message IS 'the error';

COMMENT ON COLUMN runmeta.adapter_failure.created_at IS 'when it happened';

CREATE TABLE runmeta.inbox (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    run_created_at timestamp with time zone NOT NULL,
    source_id text NOT NULL COLLATE pg_catalog."C",
    writer uuid,
    operations jsonb NOT NULL,
    weight integer DEFAULT 0 NOT NULL,
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

COMMENT ON COLUMN runmeta.inbox.weight IS 'bytes by which it may grow the metadata, or what it takes if that is more';

COMMENT ON COLUMN runmeta.inbox.created_at IS 'when it came';

CREATE TABLE runmeta.outbox (
    id bigint NOT NULL,
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    version bigint,
    stream text COLLATE pg_catalog."C",
    last bigint,
    closed boolean DEFAULT false NOT NULL
);

ALTER TABLE runmeta.outbox OWNER TO postgres;

COMMENT ON TABLE runmeta.outbox IS 'runs and streams that a prepared transaction changed, to be announced when it is committed';

COMMENT ON COLUMN runmeta.outbox.id IS 'makes the row unique';

COMMENT ON COLUMN runmeta.outbox.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.outbox.run_id IS 'run that changed, or whose stream did';

COMMENT ON COLUMN runmeta.outbox.version IS 'version that it was given, null if a list was queued for it';

COMMENT ON COLUMN runmeta.outbox.stream IS 'stream that changed, null if it is the run';

COMMENT ON COLUMN runmeta.outbox.last IS 'number of its last chunk, -1 if it has none';

COMMENT ON COLUMN runmeta.outbox.closed IS 'whether it was closed';

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
    size_bound integer
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

CREATE TABLE runmeta.transition (
    run_id text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    adapter integer NOT NULL,
    role name DEFAULT CURRENT_USER NOT NULL,
    status text NOT NULL,
    is_deleted boolean DEFAULT false NOT NULL,
    attempt integer,
    error text,
    task text,
    parent_id text COLLATE pg_catalog."C",
    created_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='10000', autovacuum_vacuum_insert_threshold='-1', autovacuum_analyze_threshold='1000000');

ALTER TABLE runmeta.transition OWNER TO postgres;

COMMENT ON TABLE runmeta.transition IS 'changes of jobs in queues that their runs are to follow';

COMMENT ON COLUMN runmeta.transition.run_id IS 'run of the job, empty where all jobs of a task are gone';

COMMENT ON COLUMN runmeta.transition.id IS 'place in the order of the changes of a run';

COMMENT ON COLUMN runmeta.transition.adapter IS 'adapter of the queue';

COMMENT ON COLUMN runmeta.transition.role IS 'role that changed the job';

COMMENT ON COLUMN runmeta.transition.status IS 'status that the run gets';

COMMENT ON COLUMN runmeta.transition.is_deleted IS 'whether the job is gone, which ends only a run that has not finished';

COMMENT ON COLUMN runmeta.transition.attempt IS 'how many attempts have begun, null if the queue does not count them';

COMMENT ON COLUMN runmeta.transition.error IS 'what went wrong last';

COMMENT ON COLUMN runmeta.transition.task IS 'name of the job';

COMMENT ON COLUMN runmeta.transition.parent_id IS 'run that the run is started under';

COMMENT ON COLUMN runmeta.transition.created_at IS 'when the job came, if the queue keeps that';

COMMENT ON COLUMN runmeta.transition.started_at IS 'when its attempt began to work, if the queue keeps that';

COMMENT ON COLUMN runmeta.transition.finished_at IS 'when it finished, if the queue keeps that';

COMMENT ON COLUMN runmeta.transition.at IS 'when the change was seen';

CREATE TABLE runmeta.unapplied (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    run_created_at timestamp with time zone NOT NULL,
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

COMMENT ON COLUMN runmeta.unapplied.run_created_at IS 'when that run was started';

COMMENT ON COLUMN runmeta.unapplied."position" IS 'how many the run had with this one, counted from 1';

COMMENT ON COLUMN runmeta.unapplied.source_id IS 'run that brought the operation';

COMMENT ON COLUMN runmeta.unapplied.writer IS 'client process that sent it in a batch';

COMMENT ON COLUMN runmeta.unapplied.operation IS 'the operation, without its value if it is large';

COMMENT ON COLUMN runmeta.unapplied.reason IS 'a word for the reason';

COMMENT ON COLUMN runmeta.unapplied.detail IS 'the reason in a sentence';

COMMENT ON COLUMN runmeta.unapplied.created_at IS 'when it was to be applied';

COMMENT ON COLUMN runmeta.unapplied.id IS 'makes the row unique';

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

CREATE VIEW runmeta.activity AS
 WITH inbox_size AS (
         SELECT (pg_relation_size('runmeta.inbox'::regclass) / (current_setting('block_size'::text))::bigint) AS pages
        ), inbox_rows AS (
         SELECT i_1.run_id,
            i_1.created_at,
            pg_column_size(i_1.operations) AS bytes
           FROM runmeta.inbox i_1
          WHERE (i_1.ctid < '(128,0)'::tid)
        UNION ALL
         SELECT i_1.run_id,
            i_1.created_at,
            pg_column_size(i_1.operations) AS pg_column_size
           FROM runmeta.inbox i_1
          WHERE (i_1.ctid >= ( SELECT (format('(%s,0)'::text, GREATEST((s.pages - 128), (128)::bigint)))::tid AS format
                   FROM inbox_size s))
        ), inbox AS (
         SELECT count(*) AS lists,
            count(DISTINCT r.run_id) AS runs,
            COALESCE(sum(r.bytes), (0)::bigint) AS bytes,
            min(r.created_at) AS oldest
           FROM inbox_rows r
        ), waiting AS (
         SELECT c.lists,
            c.runs,
            c.bytes,
            c.oldest,
            (s.pages > 256) AS is_estimate,
                CASE
                    WHEN (s.pages > 256) THEN GREATEST(c.lists, pg_stat_get_live_tuples(('runmeta.inbox'::regclass)::oid))
                    ELSE c.lists
                END AS all_lists
           FROM (inbox c
             CROSS JOIN inbox_size s)
        ), transition_size AS (
         SELECT (pg_relation_size('runmeta.transition'::regclass) / (current_setting('block_size'::text))::bigint) AS pages
        ), jobs AS (
         SELECT
                CASE
                    WHEN (s.pages > 256) THEN GREATEST(c.changes, pg_stat_get_live_tuples(('runmeta.transition'::regclass)::oid))
                    ELSE c.changes
                END AS changes,
            c.oldest
           FROM (transition_size s
             CROSS JOIN ( SELECT count(*) AS changes,
                    min(t.at) AS oldest
                   FROM ( SELECT t_1.at
                           FROM runmeta.transition t_1
                          WHERE (t_1.ctid < '(128,0)'::tid)
                        UNION ALL
                         SELECT t_1.at
                           FROM runmeta.transition t_1
                          WHERE (t_1.ctid >= ( SELECT (format('(%s,0)'::text, GREATEST((s_1.pages - 128), (128)::bigint)))::tid AS format
                                   FROM transition_size s_1))) t) c)
        ), counted(relation, rows, recent) AS (
         SELECT 'runmeta.unapplied'::regclass AS regclass,
            count(*) AS count,
            NULL::bigint AS int8
           FROM runmeta.unapplied u
          WHERE (u.ctid < '(256,0)'::tid)
        UNION ALL
         SELECT 'runmeta.adapter_failure'::regclass AS regclass,
            count(*) AS count,
            NULL::bigint
           FROM runmeta.adapter_failure f_1
          WHERE (f_1.ctid < '(256,0)'::tid)
        UNION ALL
         SELECT 'runmeta.writer'::regclass AS regclass,
            count(*) AS count,
            count(*) FILTER (WHERE (w_1.updated_at > (clock_timestamp() - '00:01:00'::interval))) AS count
           FROM runmeta.writer w_1
          WHERE (w_1.ctid < '(256,0)'::tid)
        ), estimated AS (
         SELECT c.relation,
            c.recent,
                CASE
                    WHEN (pg_relation_size(c.relation) > (256 * (current_setting('block_size'::text))::bigint)) THEN GREATEST(c.rows, pg_stat_get_live_tuples((c.relation)::oid))
                    ELSE c.rows
                END AS rows
           FROM counted c
        ), run_table AS (
         SELECT c.oid,
            c.reltuples,
            c.reltoastrelid
           FROM pg_class c
          WHERE ((c.oid = ('runmeta.run'::regclass)::oid) AND (c.relkind = 'r'::"char"))
        UNION ALL
         SELECT c.oid,
            c.reltuples,
            c.reltoastrelid
           FROM (pg_inherits i_1
             JOIN pg_class c ON ((c.oid = i_1.inhrelid)))
          WHERE (i_1.inhparent = ('runmeta.run'::regclass)::oid)
        ), run_figure AS (
         SELECT (sum(
                CASE
                    WHEN (pg_stat_get_live_tuples(r.oid) > 0) THEN pg_stat_get_live_tuples(r.oid)
                    ELSE (GREATEST(r.reltuples, (0)::real))::bigint
                END))::bigint AS runs,
            (sum(pg_stat_get_dead_tuples(r.oid)))::bigint AS dead_rows,
            (sum(pg_stat_get_dead_tuples(r.reltoastrelid)))::bigint AS dead_pieces,
            (sum(pg_total_relation_size((r.oid)::regclass)))::bigint AS bytes
           FROM run_table r
        ), holder(kind, pid, name, transactions, since) AS (
         SELECT
                CASE
                    WHEN (a.datid IS NULL) THEN 'standby'::text
                    ELSE 'session'::text
                END AS "case",
            a.pid,
            NULL::text AS text,
            GREATEST(age(a.backend_xid), age(a.backend_xmin)) AS "greatest",
            a.xact_start
           FROM pg_stat_activity a
          WHERE (((a.datid IS NULL) OR (a.datname = current_database())) AND ((a.backend_xid IS NOT NULL) OR (a.backend_xmin IS NOT NULL)) AND (a.pid <> pg_backend_pid()) AND (NOT (EXISTS ( SELECT
                   FROM pg_stat_progress_vacuum v
                  WHERE (v.pid = a.pid)))))
        UNION ALL
         SELECT 'prepared transaction'::text,
            NULL::integer,
            p.gid,
            age(p.transaction) AS age,
            p.prepared
           FROM pg_prepared_xacts p
          WHERE (p.database = current_database())
        UNION ALL
         SELECT 'replication slot'::text,
            s.active_pid,
            (s.slot_name)::text AS slot_name,
            age(s.xmin) AS age,
            NULL::timestamp with time zone
           FROM pg_replication_slots s
          WHERE (s.xmin IS NOT NULL)
        ), oldest_holder AS (
         SELECT h_1.kind,
            h_1.pid,
            h_1.name,
            h_1.transactions,
            h_1.since
           FROM holder h_1
          ORDER BY h_1.transactions DESC, h_1.since
         LIMIT 1
        )
 SELECT w.state AS worker,
    w.pid AS worker_pid,
    w.error AS worker_error,
    w.error_at AS worker_error_at,
    w.library_version,
    w.preloaded,
    pg_is_in_recovery() AS standby,
    i.all_lists AS waiting_lists,
    i.runs AS waiting_runs,
    ((((i.bytes)::numeric * (i.all_lists)::numeric) / (GREATEST(i.lists, (1)::bigint))::numeric))::bigint AS waiting_bytes,
    (clock_timestamp() - i.oldest) AS waiting_age,
    i.is_estimate AS waiting_is_estimate,
    j.changes AS job_changes,
    (clock_timestamp() - j.oldest) AS job_changes_age,
    ( SELECT e.rows
           FROM estimated e
          WHERE ((e.relation)::oid = ('runmeta.adapter_failure'::regclass)::oid)) AS adapter_failures,
    w.unannounced_since,
    (clock_timestamp() - w.unannounced_since) AS unannounced_age,
    w.unannounced_bytes,
    ( SELECT count(*) AS count
           FROM runmeta.outbox o
          WHERE (o.ctid < '(256,0)'::tid)) AS unannounced_prepared,
    w.owes_resync,
    pg_notification_queue_usage() AS notification_queue_usage,
    ( SELECT e.rows
           FROM estimated e
          WHERE ((e.relation)::oid = ('runmeta.unapplied'::regclass)::oid)) AS unapplied,
    ( SELECT e.rows
           FROM estimated e
          WHERE ((e.relation)::oid = ('runmeta.writer'::regclass)::oid)) AS writers,
    ( SELECT e.recent
           FROM estimated e
          WHERE ((e.relation)::oid = ('runmeta.writer'::regclass)::oid)) AS recent_writers,
    f.runs,
        CASE
            WHEN (f.dead_rows > 100000) THEN ( SELECT (LEAST(sum(GREATEST(COALESCE(p.reltuples, c.reltuples), (0)::real)), (10000)::real))::bigint AS "least"
               FROM (((pg_class c
                 JOIN pg_index x ON ((x.indexrelid = c.oid)))
                 LEFT JOIN pg_inherits i_1 ON ((i_1.inhparent = c.oid)))
                 LEFT JOIN pg_class p ON ((p.oid = i_1.inhrelid)))
              WHERE ((x.indrelid = ('runmeta.run'::regclass)::oid) AND (c.relname = 'run_unfinished_idx'::name)))
            ELSE ( SELECT count(*) AS count
               FROM ( SELECT
                       FROM runmeta.run r
                      WHERE (r.finished_at IS NULL)
                      ORDER BY r.created_at DESC
                     LIMIT 10000) u)
        END AS unfinished_runs,
    h.kind AS vacuum_held_by,
    h.pid AS vacuum_held_pid,
    h.name AS vacuum_held_name,
    h.transactions AS vacuum_held_transactions,
    (clock_timestamp() - h.since) AS vacuum_held_age,
    f.dead_rows AS run_dead_rows,
    f.dead_pieces AS run_dead_pieces,
    pg_stat_get_dead_tuples(('runmeta.inbox'::regclass)::oid) AS inbox_dead_rows,
    f.bytes AS run_bytes,
    pg_total_relation_size('runmeta.inbox'::regclass) AS inbox_bytes,
    pg_total_relation_size('runmeta.unapplied'::regclass) AS unapplied_bytes
   FROM ((((runmeta._worker_state() w(state, pid, unannounced_since, unannounced_bytes, owes_resync, error, error_at, preloaded, library_version)
     CROSS JOIN waiting i)
     CROSS JOIN run_figure f)
     CROSS JOIN jobs j)
     LEFT JOIN oldest_holder h ON (true));

ALTER TABLE runmeta.activity OWNER TO postgres;

COMMENT ON VIEW runmeta.activity IS 'what runmeta does in this database, in one row';

COMMENT ON COLUMN runmeta.activity.worker IS 'state of the background worker: running, starting, stuck, no_slot, stopped or unavailable';

COMMENT ON COLUMN runmeta.activity.worker_pid IS 'process of the background worker';

COMMENT ON COLUMN runmeta.activity.worker_error IS 'what went wrong last in the background worker';

COMMENT ON COLUMN runmeta.activity.worker_error_at IS 'when that went wrong';

COMMENT ON COLUMN runmeta.activity.library_version IS 'version of the library that this session has loaded';

COMMENT ON COLUMN runmeta.activity.preloaded IS 'true if the server loaded the library when it started';

COMMENT ON COLUMN runmeta.activity.standby IS 'true if this server follows another one';

COMMENT ON COLUMN runmeta.activity.waiting_lists IS 'lists that wait in the inbox';

COMMENT ON COLUMN runmeta.activity.waiting_runs IS 'runs that they wait for, at least';

COMMENT ON COLUMN runmeta.activity.waiting_bytes IS 'bytes of these lists';

COMMENT ON COLUMN runmeta.activity.waiting_age IS 'how long the oldest of them has waited';

COMMENT ON COLUMN runmeta.activity.waiting_is_estimate IS 'true if the inbox is larger than 256 pages, and was not counted as a whole';

COMMENT ON COLUMN runmeta.activity.job_changes IS 'changes of jobs in queues that their runs have not followed yet; an estimate where their table is larger than 256 pages';

COMMENT ON COLUMN runmeta.activity.job_changes_age IS 'how long the oldest of them has waited';

COMMENT ON COLUMN runmeta.activity.adapter_failures IS 'changes of jobs that could not be recorded or followed, of which the last 100 of each adapter are kept';

COMMENT ON COLUMN runmeta.activity.unannounced_since IS 'since when changes wait to be announced, null if none does';

COMMENT ON COLUMN runmeta.activity.unannounced_age IS 'how long that is';

COMMENT ON COLUMN runmeta.activity.unannounced_bytes IS 'bytes of these changes in shared memory, of which there are 1048576';

COMMENT ON COLUMN runmeta.activity.unannounced_prepared IS 'changes of two-phase commits that wait to be announced';

COMMENT ON COLUMN runmeta.activity.owes_resync IS 'true if changes were left out, and listeners will be asked to read everything';

COMMENT ON COLUMN runmeta.activity.notification_queue_usage IS 'part of the notification queue of the server that is in use, 0 to 1';

COMMENT ON COLUMN runmeta.activity.unapplied IS 'operations that waited and could not be applied';

COMMENT ON COLUMN runmeta.activity.writers IS 'client processes that sent numbered batches';

COMMENT ON COLUMN runmeta.activity.recent_writers IS 'those that sent one within the last minute';

COMMENT ON COLUMN runmeta.activity.runs IS 'runs, an estimate';

COMMENT ON COLUMN runmeta.activity.unfinished_runs IS 'runs that have not finished, counted up to 10000; an estimate while more than 100000 rows are dead';

COMMENT ON COLUMN runmeta.activity.vacuum_held_by IS 'what keeps vacuum from the oldest dead rows: session, standby, prepared transaction or replication slot';

COMMENT ON COLUMN runmeta.activity.vacuum_held_pid IS 'its process';

COMMENT ON COLUMN runmeta.activity.vacuum_held_name IS 'name of the prepared transaction or replication slot';

COMMENT ON COLUMN runmeta.activity.vacuum_held_transactions IS 'transactions that began since';

COMMENT ON COLUMN runmeta.activity.vacuum_held_age IS 'how long that is, null if it is not known or not for the current role';

COMMENT ON COLUMN runmeta.activity.run_dead_rows IS 'dead rows of runmeta.run, an estimate';

COMMENT ON COLUMN runmeta.activity.run_dead_pieces IS 'dead pieces of documents over 2 kB, an estimate';

COMMENT ON COLUMN runmeta.activity.inbox_dead_rows IS 'dead rows of runmeta.inbox, an estimate';

COMMENT ON COLUMN runmeta.activity.run_bytes IS 'bytes of runmeta.run with documents and indexes';

COMMENT ON COLUMN runmeta.activity.inbox_bytes IS 'bytes of runmeta.inbox with indexes';

COMMENT ON COLUMN runmeta.activity.unapplied_bytes IS 'bytes of runmeta.unapplied with indexes';

CREATE TABLE runmeta.adapter (
    id integer NOT NULL,
    queue text NOT NULL,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    prefix text NOT NULL COLLATE pg_catalog."C",
    tasks text[],
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    parent text,
    mapping jsonb,
    keep interval,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT adapter_keep_check CHECK (((keep >= '00:00:00'::interval) AND (keep <= '100 years'::interval)))
);

ALTER TABLE runmeta.adapter OWNER TO postgres;

COMMENT ON TABLE runmeta.adapter IS 'queues whose jobs have runs that follow them';

COMMENT ON COLUMN runmeta.adapter.id IS 'number that the triggers of the queue record';

COMMENT ON COLUMN runmeta.adapter.queue IS 'kind of the queue, pg-boss for instance';

COMMENT ON COLUMN runmeta.adapter.table_schema IS 'schema of the table of jobs';

COMMENT ON COLUMN runmeta.adapter.table_name IS 'name of that table';

COMMENT ON COLUMN runmeta.adapter.prefix IS 'what stands before the id of a job in the id of its run';

COMMENT ON COLUMN runmeta.adapter.tasks IS 'tasks whose jobs have runs, null for all';

COMMENT ON COLUMN runmeta.adapter.metadata IS 'document of a new run, merged into it at the beginning of each further attempt';

COMMENT ON COLUMN runmeta.adapter.parent IS 'expression over the row of a job for the run that its run is started under';

COMMENT ON COLUMN runmeta.adapter.mapping IS 'columns of a table of one''s own, null for a queue that is known';

COMMENT ON COLUMN runmeta.adapter.keep IS 'age from which on finished runs are pruned, null for never';

COMMENT ON COLUMN runmeta.adapter.created_at IS 'when the queue was adapted';

ALTER TABLE runmeta.adapter_failure ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.adapter_failure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE runmeta.contract (
    task text NOT NULL COLLATE pg_catalog."C",
    schema jsonb NOT NULL,
    mode text NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT contract_mode_known CHECK ((mode = ANY ('{warn,enforce}'::text[]))),
    CONSTRAINT contract_schema_valid CHECK (runmeta._is_schema(schema))
);

ALTER TABLE runmeta.contract OWNER TO postgres;

COMMENT ON TABLE runmeta.contract IS 'json schemas that the metadata of tasks is to fit';

COMMENT ON COLUMN runmeta.contract.task IS 'name of the task';

COMMENT ON COLUMN runmeta.contract.schema IS 'the json schema';

COMMENT ON COLUMN runmeta.contract.mode IS 'what becomes of metadata that does not fit: warn or enforce';

COMMENT ON COLUMN runmeta.contract.updated_at IS 'when it was set last';

CREATE TABLE runmeta.history (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    run_created_at timestamp with time zone NOT NULL,
    spacing interval NOT NULL,
    at timestamp with time zone[] NOT NULL,
    value double precision[] NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.5');
ALTER TABLE ONLY runmeta.history ALTER COLUMN at SET STATISTICS 0;
ALTER TABLE ONLY runmeta.history ALTER COLUMN value SET STATISTICS 0;

ALTER TABLE runmeta.history OWNER TO postgres;

COMMENT ON TABLE runmeta.history IS 'tracked numbers of runs: how each changed, a row a run and key';

COMMENT ON COLUMN runmeta.history.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.history.run_id IS 'run that has the number in its metadata';

COMMENT ON COLUMN runmeta.history.key IS 'key or path of the number';

COMMENT ON COLUMN runmeta.history.run_created_at IS 'when that run was started';

COMMENT ON COLUMN runmeta.history.spacing IS 'time from a sample to the next, at the least; doubled each time that every other one was dropped';

COMMENT ON COLUMN runmeta.history.at IS 'when the samples were taken, in ascending order';

COMMENT ON COLUMN runmeta.history.value IS 'what the number was then; no sample is taken while it stays the same';

ALTER TABLE runmeta.inbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.inbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

ALTER TABLE runmeta.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE runmeta.task_setting (
    task text NOT NULL,
    done_key text,
    total_key text,
    total numeric,
    silent_limit interval,
    stall_limit interval,
    wait_limit interval,
    time_limit interval,
    CONSTRAINT task_setting_keys_are_paths CHECK (((runmeta.number_at('{}'::jsonb, done_key) IS NULL) AND (runmeta.number_at('{}'::jsonb, total_key) IS NULL))),
    CONSTRAINT task_setting_one_total CHECK (((total_key IS NULL) OR (total IS NULL))),
    CONSTRAINT task_setting_total_of_done CHECK (((done_key IS NOT NULL) OR ((total_key IS NULL) AND (total IS NULL)))),
    CONSTRAINT task_setting_total_positive CHECK ((total > (0)::numeric))
);

ALTER TABLE runmeta.task_setting OWNER TO postgres;

COMMENT ON TABLE runmeta.task_setting IS 'tasks that reports do not look at by the conventions';

COMMENT ON COLUMN runmeta.task_setting.task IS 'name of the task';

COMMENT ON COLUMN runmeta.task_setting.done_key IS 'key or path of the number that is done, null to find it by its name';

COMMENT ON COLUMN runmeta.task_setting.total_key IS 'key or path of the number that it is a part of';

COMMENT ON COLUMN runmeta.task_setting.total IS 'what it is a part of where that is always the same';

COMMENT ON COLUMN runmeta.task_setting.silent_limit IS 'how long a run may work without a write, null for an hour';

COMMENT ON COLUMN runmeta.task_setting.stall_limit IS 'how long the tracked numbers of a run that works may all stand still, null for an hour';

COMMENT ON COLUMN runmeta.task_setting.wait_limit IS 'how long a run may wait, null for ever';

COMMENT ON COLUMN runmeta.task_setting.time_limit IS 'how long an attempt may work, null for ever';

CREATE VIEW runmeta.progress WITH (security_invoker='true') AS
 SELECT r.root_id,
    r.id,
    r.parent_id,
    r.depth,
    r.task,
    r.tags,
    r.status,
    r.attempt,
    m.label,
    m.done,
    m.total,
        CASE
            WHEN (m.done IS NULL) THEN NULL::integer
            WHEN (m.done >= m.total) THEN 100
            ELSE (GREATEST(div((m.done * (100)::numeric), m.total), (0)::numeric))::integer
        END AS percent,
        CASE
            WHEN m.grows THEN (s.amount / s.seconds)
            ELSE NULL::numeric
        END AS rate,
    m.elapsed,
        CASE
            WHEN (m.grows AND (s.work < (s.amount * '10000000000'::numeric))) THEN ('00:00:01'::interval * (round((s.work / s.amount)))::double precision)
            ELSE NULL::interval
        END AS time_left,
    r.created_at,
    r.started_at,
    r.updated_at,
    r.finished_at
   FROM ((((runmeta.live_run r
     LEFT JOIN runmeta.task_setting t ON ((t.task = r.task)))
     CROSS JOIN LATERAL runmeta._progress(r.metadata, r.started_at, r.finished_at, t.done_key, t.total_key, t.total) m(label, key, done, total, elapsed, seconds, grows))
     LEFT JOIN LATERAL ( SELECT (runmeta._recent_rate(h_1.at, h_1.value, h_1.spacing, r.started_at, now(), m.done))::numeric AS rate
           FROM runmeta.history h_1
          WHERE (m.grows AND (h_1.root_id = r.root_id) AND (h_1.run_id = r.id) AND (h_1.key = m.key) AND (h_1.run_created_at = r.created_at))
         OFFSET 0) h ON (true))
     CROSS JOIN LATERAL ( SELECT a.amount,
            a.seconds,
            (GREATEST((m.total - m.done), (0)::numeric) * a.seconds) AS work
           FROM ( SELECT COALESCE(h.rate, m.done) AS "coalesce",
                        CASE
                            WHEN (h.rate IS NULL) THEN m.seconds
                            ELSE (1)::numeric
                        END AS "case") a(amount, seconds)) s);

ALTER TABLE runmeta.progress OWNER TO postgres;

COMMENT ON VIEW runmeta.progress IS 'how far each run is, by the numbers in its metadata';

COMMENT ON COLUMN runmeta.progress.label IS 'key of the number, or what is counted; null if the metadata has no progress';

COMMENT ON COLUMN runmeta.progress.done IS 'how much is done';

COMMENT ON COLUMN runmeta.progress.total IS 'how much there is to be done';

COMMENT ON COLUMN runmeta.progress.percent IS 'part that is done, 0 to 100, rounded down';

COMMENT ON COLUMN runmeta.progress.rate IS 'how much was done a second, of late where the number is tracked, else on average since the attempt began; null if nothing is left or the run has finished';

COMMENT ON COLUMN runmeta.progress.elapsed IS 'how long the attempt has worked, or worked until it finished';

COMMENT ON COLUMN runmeta.progress.time_left IS 'how long the rest takes at that rate';

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

CREATE TABLE runmeta.stream (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    run_created_at timestamp with time zone NOT NULL,
    chunks bigint DEFAULT 0 NOT NULL,
    tail jsonb DEFAULT '[]'::jsonb NOT NULL,
    attempt integer,
    closed_at timestamp with time zone,
    error text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.5');
ALTER TABLE ONLY runmeta.stream ALTER COLUMN tail SET STATISTICS 0;
ALTER TABLE ONLY runmeta.stream ALTER COLUMN tail SET STORAGE PLAIN;

ALTER TABLE runmeta.stream OWNER TO postgres;

COMMENT ON TABLE runmeta.stream IS 'streams of runs: how many chunks each has, and the last of them';

COMMENT ON COLUMN runmeta.stream.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.stream.run_id IS 'run that the stream belongs to';

COMMENT ON COLUMN runmeta.stream.name IS 'name of the stream, 1 to 255 bytes';

COMMENT ON COLUMN runmeta.stream.run_created_at IS 'when that run was started';

COMMENT ON COLUMN runmeta.stream.chunks IS 'how many chunks were appended, which are numbered from 0';

COMMENT ON COLUMN runmeta.stream.tail IS 'the last chunks, which are in no row of stream_chunk';

COMMENT ON COLUMN runmeta.stream.attempt IS 'attempt at the run in which the stream was closed';

COMMENT ON COLUMN runmeta.stream.closed_at IS 'when it was closed, null while it is open';

COMMENT ON COLUMN runmeta.stream.error IS 'error with which it was closed, null if there was none';

COMMENT ON COLUMN runmeta.stream.created_at IS 'when it was made';

COMMENT ON COLUMN runmeta.stream.updated_at IS 'when it was last appended to, closed or opened again';

CREATE TABLE runmeta.stream_chunk (
    root_id text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    stream text NOT NULL COLLATE pg_catalog."C",
    first bigint NOT NULL,
    count integer NOT NULL,
    chunks jsonb NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.5');
ALTER TABLE ONLY runmeta.stream_chunk ALTER COLUMN chunks SET STATISTICS 0;
ALTER TABLE ONLY runmeta.stream_chunk ALTER COLUMN chunks SET STORAGE MAIN;
ALTER TABLE ONLY runmeta.stream_chunk ALTER COLUMN chunks SET COMPRESSION lz4;

ALTER TABLE runmeta.stream_chunk OWNER TO postgres;

COMMENT ON TABLE runmeta.stream_chunk IS 'chunks of streams, many to a row; the last ones are in runmeta.stream';

COMMENT ON COLUMN runmeta.stream_chunk.root_id IS 'first run of the tree';

COMMENT ON COLUMN runmeta.stream_chunk.run_id IS 'run that the stream belongs to';

COMMENT ON COLUMN runmeta.stream_chunk.stream IS 'name of the stream';

COMMENT ON COLUMN runmeta.stream_chunk.first IS 'number of the first chunk';

COMMENT ON COLUMN runmeta.stream_chunk.count IS 'how many chunks there are';

COMMENT ON COLUMN runmeta.stream_chunk.chunks IS 'the chunks, a json array';

CREATE TABLE runmeta.tracked (
    task text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    every interval NOT NULL,
    keep integer NOT NULL,
    CONSTRAINT tracked_every_bounded CHECK (((every >= '00:00:01'::interval) AND (every <= '1 day'::interval))),
    CONSTRAINT tracked_keep_bounded CHECK (((keep >= 4) AND (keep <= 1000))),
    CONSTRAINT tracked_key_is_path CHECK ((runmeta.number_at('{}'::jsonb, key) IS NULL))
);

ALTER TABLE runmeta.tracked OWNER TO postgres;

COMMENT ON TABLE runmeta.tracked IS 'numbers in the metadata of a task''s runs of which a history is kept';

COMMENT ON COLUMN runmeta.tracked.task IS 'name of the task';

COMMENT ON COLUMN runmeta.tracked.key IS 'key or path of the number';

COMMENT ON COLUMN runmeta.tracked.every IS 'time from a sample to the next, at the least';

COMMENT ON COLUMN runmeta.tracked.keep IS 'samples that are kept of a run, at the most';

CREATE VIEW runmeta.stuck_run WITH (security_invoker='true') AS
 SELECT r.root_id,
    r.id,
    r.parent_id,
    r.depth,
    r.task,
    r.tags,
    r.status,
    r.attempt,
    c.reason,
    c.since,
        CASE
            WHEN isfinite(c.since) THEN (now() - c.since)
            ELSE NULL::interval
        END AS lasts,
    c.permitted,
    r.created_at,
    r.started_at,
    u.updated_at
   FROM (((runmeta.run r
     LEFT JOIN runmeta.task_setting t ON ((t.task = r.task)))
     CROSS JOIN LATERAL ( SELECT runmeta._live_updated_at(r.updated_at, r.root_id, r.id, r.created_at) AS updated_at
         OFFSET 0) u)
     CROSS JOIN LATERAL ( SELECT 'waiting'::text AS reason,
            r.created_at AS since,
            t.wait_limit AS permitted
          WHERE ((r.started_at IS NULL) AND (r.created_at < (now() - t.wait_limit)))
        UNION ALL
         SELECT 'overdue'::text,
            r.started_at,
            t.time_limit
          WHERE (r.started_at < (now() - t.time_limit))
        UNION ALL
         SELECT 'silent'::text,
            u.updated_at,
            COALESCE(t.silent_limit, '01:00:00'::interval) AS "coalesce"
          WHERE ((r.started_at IS NOT NULL) AND
                CASE
                    WHEN ((u.updated_at < (now() - COALESCE(t.silent_limit, '01:00:00'::interval))) AND (lower(r.status) <> ALL ('{paused,waiting,retrying}'::text[]))) THEN (NOT (EXISTS ( SELECT
                       FROM runmeta.run child
                      WHERE ((child.root_id = r.root_id) AND (child.parent_id = r.id) AND (child.finished_at IS NULL)))))
                    ELSE NULL::boolean
                END)
        UNION ALL
         SELECT 'stalled'::text,
            s.since,
            s.permitted
           FROM ( SELECT GREATEST(r.started_at, max(runmeta._last_change(h.at, h.value, runmeta.number_at(l.metadata, h.key)))) AS since,
                    COALESCE(t.stall_limit, '01:00:00'::interval) AS permitted
                   FROM (( SELECT runmeta._live_metadata(r.metadata, r.root_id, r.id, r.created_at) AS metadata
                          WHERE (r.started_at < (now() - COALESCE(t.stall_limit, '01:00:00'::interval)))
                         OFFSET 0) l
                     CROSS JOIN runmeta.history h)
                  WHERE ((h.root_id = r.root_id) AND (h.run_id = r.id) AND (h.run_created_at = r.created_at) AND (EXISTS ( SELECT
                           FROM runmeta.tracked k
                          WHERE ((k.task = r.task) AND (k.key = h.key)))))
                 HAVING (count(*) > 0)
                 OFFSET 0) s
          WHERE
                CASE
                    WHEN ((s.since < (now() - s.permitted)) AND (lower(r.status) <> ALL ('{paused,waiting,retrying}'::text[]))) THEN (NOT (EXISTS ( SELECT
                       FROM runmeta.run child
                      WHERE ((child.root_id = r.root_id) AND (child.parent_id = r.id) AND (child.finished_at IS NULL)))))
                    ELSE NULL::boolean
                END
 LIMIT 1) c)
  WHERE (r.finished_at IS NULL);

ALTER TABLE runmeta.stuck_run OWNER TO postgres;

COMMENT ON VIEW runmeta.stuck_run IS 'runs that have not finished and that somebody should look at';

COMMENT ON COLUMN runmeta.stuck_run.reason IS 'silent: it works, and nobody has written to it; stalled: it works, and none of its tracked numbers has changed; waiting: it waits; overdue: its attempt works; each for longer than its task permits';

COMMENT ON COLUMN runmeta.stuck_run.since IS 'time from which that is counted';

COMMENT ON COLUMN runmeta.stuck_run.lasts IS 'how long that is ago';

COMMENT ON COLUMN runmeta.stuck_run.permitted IS 'how long its task permits it';

COMMENT ON COLUMN runmeta.stuck_run.updated_at IS 'when the run last changed';

CREATE VIEW runmeta.task WITH (security_invoker='true') AS
 SELECT t.task,
    ( SELECT min(r.created_at) AS min
           FROM runmeta.run r
          WHERE (r.task = t.task)) AS oldest_at,
    ( SELECT max(r.created_at) AS max
           FROM runmeta.run r
          WHERE (r.task = t.task)) AS newest_at
   FROM unnest(ARRAY( WITH RECURSIVE found AS (
                ( SELECT r.task
                   FROM runmeta.run r
                  WHERE (r.task IS NOT NULL)
                  ORDER BY r.task
                 LIMIT 1)
                UNION ALL
                 SELECT n.task
                   FROM (found f_1
                     CROSS JOIN LATERAL ( SELECT r.task
                           FROM runmeta.run r
                          WHERE (r.task > f_1.task)
                          ORDER BY r.task
                         LIMIT 1) n)
                )
         SELECT f.task
           FROM found f)) t(task);

ALTER TABLE runmeta.task OWNER TO postgres;

COMMENT ON VIEW runmeta.task IS 'tasks that have runs';

COMMENT ON COLUMN runmeta.task.task IS 'name of the task';

COMMENT ON COLUMN runmeta.task.oldest_at IS 'when its oldest run was first started';

COMMENT ON COLUMN runmeta.task.newest_at IS 'when its newest run was first started';

CREATE VIEW runmeta.task_summary WITH (security_invoker='true') AS
 SELECT t.task,
    h.hour,
    s.runs,
    s.waiting,
    s.working,
    s.finished,
    s.succeeded,
    s.failed,
    s.cancelled,
    s.retried,
    s.wait_median,
    s.wait_p95,
    s.duration_median,
    s.duration_p95,
    s.duration_longest,
    s.duration_sum
   FROM ((runmeta.task t
     CROSS JOIN LATERAL unnest(ARRAY( SELECT generate_series(date_bin('01:00:00'::interval, GREATEST(t.oldest_at, (now() - '366 days'::interval)), '2000-01-01 00:00:00+00'::timestamp with time zone), LEAST(t.newest_at, now()), '01:00:00'::interval) AS generate_series)) h(hour))
     CROSS JOIN LATERAL ( SELECT count(*) AS runs,
            count(*) FILTER (WHERE ((r.finished_at IS NULL) AND (r.started_at IS NULL))) AS waiting,
            count(*) FILTER (WHERE ((r.finished_at IS NULL) AND (r.started_at IS NOT NULL))) AS working,
            count(r.finished_at) AS finished,
            count(*) FILTER (WHERE ((r.finished_at IS NOT NULL) AND (lower(r.status) = ANY ('{completed,complete,succeeded,success,done}'::text[])))) AS succeeded,
            count(*) FILTER (WHERE ((r.finished_at IS NOT NULL) AND (lower(r.status) = ANY ('{failed,error,discarded,crashed,killed,expired,timeout,timed_out}'::text[])))) AS failed,
            count(*) FILTER (WHERE ((r.finished_at IS NOT NULL) AND (lower(r.status) = ANY ('{cancelled,canceled,aborted}'::text[])))) AS cancelled,
            count(*) FILTER (WHERE (r.attempt > 1)) AS retried,
            percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY r.wait) FILTER (WHERE (r.attempt = 1)) AS wait_median,
            percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY r.wait) FILTER (WHERE (r.attempt = 1)) AS wait_p95,
            percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY r.duration) AS duration_median,
            percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY r.duration) AS duration_p95,
            max(r.duration) AS duration_longest,
            sum(r.duration) AS duration_sum
           FROM ( SELECT r_1.status,
                    r_1.attempt,
                    r_1.started_at,
                    r_1.finished_at,
                        CASE
                            WHEN isfinite(r_1.started_at) THEN (r_1.started_at - r_1.created_at)
                            ELSE NULL::interval
                        END AS wait,
                        CASE
                            WHEN (isfinite(r_1.started_at) AND isfinite(r_1.finished_at)) THEN (r_1.finished_at - r_1.started_at)
                            ELSE NULL::interval
                        END AS duration
                   FROM runmeta.run r_1
                  WHERE ((r_1.task = t.task) AND (r_1.created_at >= h.hour) AND (r_1.created_at < (h.hour + '01:00:00'::interval)))) r) s)
  WHERE (s.runs > 0);

ALTER TABLE runmeta.task_summary OWNER TO postgres;

COMMENT ON VIEW runmeta.task_summary IS 'runs of each task by the hour in which they were created: counts, waits and durations';

COMMENT ON COLUMN runmeta.task_summary.hour IS 'hour of UTC in which the runs were first started';

COMMENT ON COLUMN runmeta.task_summary.waiting IS 'runs that wait now';

COMMENT ON COLUMN runmeta.task_summary.working IS 'runs that work now';

COMMENT ON COLUMN runmeta.task_summary.finished IS 'runs that have finished, whatever their status';

COMMENT ON COLUMN runmeta.task_summary.succeeded IS 'those that finished with a word for success';

COMMENT ON COLUMN runmeta.task_summary.failed IS 'those that finished with a word for failure';

COMMENT ON COLUMN runmeta.task_summary.cancelled IS 'those that were cancelled';

COMMENT ON COLUMN runmeta.task_summary.retried IS 'runs at a later attempt than the first';

COMMENT ON COLUMN runmeta.task_summary.wait_median IS 'how long first attempts waited, half of them less';

COMMENT ON COLUMN runmeta.task_summary.wait_p95 IS 'how long first attempts waited, 95 percent of them less';

COMMENT ON COLUMN runmeta.task_summary.duration_median IS 'how long the last attempts worked, half of them less';

COMMENT ON COLUMN runmeta.task_summary.duration_p95 IS 'how long the last attempts worked, 95 percent of them less';

COMMENT ON COLUMN runmeta.task_summary.duration_longest IS 'how long the longest of them worked';

COMMENT ON COLUMN runmeta.task_summary.duration_sum IS 'how long they worked together';

ALTER TABLE runmeta.transition ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.transition_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE runmeta.unapplied ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME runmeta.unapplied_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY runmeta.adapter_failure
    ADD CONSTRAINT adapter_failure_pkey PRIMARY KEY (id);

ALTER TABLE ONLY runmeta.adapter
    ADD CONSTRAINT adapter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY runmeta.adapter
    ADD CONSTRAINT adapter_prefix_key UNIQUE (prefix);

ALTER TABLE ONLY runmeta.adapter
    ADD CONSTRAINT adapter_table_key UNIQUE (table_schema, table_name);

ALTER TABLE ONLY runmeta.contract
    ADD CONSTRAINT contract_pkey PRIMARY KEY (task);

ALTER TABLE ONLY runmeta.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (root_id, run_id, key);

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

ALTER TABLE ONLY runmeta.stream_chunk
    ADD CONSTRAINT stream_chunk_pkey PRIMARY KEY (root_id, run_id, stream, first);

ALTER TABLE ONLY runmeta.stream
    ADD CONSTRAINT stream_pkey PRIMARY KEY (root_id, run_id, name);

ALTER TABLE ONLY runmeta.task_setting
    ADD CONSTRAINT task_setting_pkey PRIMARY KEY (task);

ALTER TABLE ONLY runmeta.tracked
    ADD CONSTRAINT tracked_pkey PRIMARY KEY (task, key);

ALTER TABLE ONLY runmeta.transition
    ADD CONSTRAINT transition_pkey PRIMARY KEY (run_id, id);

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

ALTER TABLE runmeta.history ENABLE ROW LEVEL SECURITY;

CREATE POLICY of_visible_runs ON runmeta.history FOR SELECT USING ((EXISTS ( SELECT
   FROM runmeta.run r
  WHERE ((r.root_id = history.root_id) AND (r.id = history.run_id) AND (r.created_at = history.run_created_at))
 OFFSET 0)));

CREATE POLICY of_visible_runs ON runmeta.stream FOR SELECT USING ((EXISTS ( SELECT
   FROM runmeta.run r
  WHERE ((r.root_id = stream.root_id) AND (r.id = stream.run_id) AND (r.created_at = stream.run_created_at))
 OFFSET 0)));

CREATE POLICY of_visible_runs ON runmeta.unapplied FOR SELECT USING ((EXISTS ( SELECT
   FROM runmeta.run r
  WHERE ((r.root_id = unapplied.root_id) AND (r.id = unapplied.run_id) AND (r.created_at = unapplied.run_created_at)))));

CREATE POLICY of_visible_streams ON runmeta.stream_chunk FOR SELECT USING ((EXISTS ( SELECT
   FROM runmeta.stream s
  WHERE ((s.root_id = stream_chunk.root_id) AND (s.run_id = stream_chunk.run_id) AND (s.name = stream_chunk.stream))
 OFFSET 0)));

ALTER TABLE runmeta.stream ENABLE ROW LEVEL SECURITY;

ALTER TABLE runmeta.stream_chunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE runmeta.unapplied ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA runmeta TO runmeta_reader;
GRANT USAGE ON SCHEMA runmeta TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_dbos(schema text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_dbos(schema text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_functions(adapter integer, schema text, prefix text, tasks text[], row_list text, id_column name, compares boolean, is_in_queues boolean) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_functions(adapter integer, schema text, prefix text, tasks text[], row_list text, id_column name, compares boolean, is_in_queues boolean) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_graphile_worker(schema text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_graphile_worker(schema text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_lost(adapter integer, jobs regclass, prefix text, id_column name) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_lost(adapter integer, jobs regclass, prefix text, id_column name) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_oban(schema text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_oban(schema text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_own_table(jobs regclass, mapping jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_own_table(jobs regclass, mapping jsonb) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_pg_boss(schema text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_pg_boss(schema text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_pgmq(table_name text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_pgmq(table_name text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_procrastinate(schema text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_procrastinate(schema text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_queue(queue text, INOUT schema text, INOUT table_name text, parent text, prefix text, mapping jsonb, OUT row_list text, OUT compares boolean, OUT id_column name, OUT queues text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_queue(queue text, INOUT schema text, INOUT table_name text, parent text, prefix text, mapping jsonb, OUT row_list text, OUT compares boolean, OUT id_column name, OUT queues text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_river(schema text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_river(schema text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_rows(row_list text, jobs text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_rows(row_list text, jobs text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_sync(adapter integer, jobs regclass, prefix text, tasks text[], row_list text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_sync(adapter integer, jobs regclass, prefix text, tasks text[], row_list text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._adapter_triggers(adapter integer, jobs regclass, compares boolean, queues regclass) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._adapter_triggers(adapter integer, jobs regclass, compares boolean, queues regclass) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._apply_in_shard(run_id text, metadata jsonb, old_version bigint, old_size_bound integer, is_closed boolean, lists jsonb, maximum integer) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._apply_in_shard(run_id text, metadata jsonb, old_version bigint, old_size_bound integer, is_closed boolean, lists jsonb, maximum integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._apply_lists(root_id text, id text, metadata jsonb, version bigint, finished_at timestamp with time zone, size_bound integer, task text, created_at timestamp with time zone, updated_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._apply_lists(root_id text, id text, metadata jsonb, version bigint, finished_at timestamp with time zone, size_bound integer, task text, created_at timestamp with time zone, updated_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._await_commits(number_of_rows bigint, lock_timeout integer) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._await_commits(number_of_rows bigint, lock_timeout integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._changed_bound() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._changed_bound() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._changed_document() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._changed_document() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._depth_first(ids text[], parent_ids text[]) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._depth_first(ids text[], parent_ids text[]) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._diagnose(writer uuid, run_ids text[]) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._diagnose(writer uuid, run_ids text[]) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._family(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._family(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._is_distributed() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._is_distributed() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._is_schema(schema jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._is_schema(schema jsonb) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._is_split() TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._is_split() TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._last_change(at timestamp with time zone[], value double precision[], current numeric) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._last_change(at timestamp with time zone[], value double precision[], current numeric) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._live_metadata(metadata jsonb, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._live_metadata(metadata jsonb, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._live_updated_at(updated_at timestamp with time zone, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._live_updated_at(updated_at timestamp with time zone, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._live_version(version bigint, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._live_version(version bigint, root_id text, run_id text, created_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._noted(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._noted(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._progress(metadata jsonb, started_at timestamp with time zone, finished_at timestamp with time zone, done_key text, total_key text, whole numeric) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._progress(metadata jsonb, started_at timestamp with time zone, finished_at timestamp with time zone, done_key text, total_key text, whole numeric) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._recent_rate(at timestamp with time zone[], value double precision[], spacing interval, began_at timestamp with time zone, now timestamp with time zone, current numeric) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._recent_rate(at timestamp with time zone[], value double precision[], spacing interval, began_at timestamp with time zone, now timestamp with time zone, current numeric) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._record_change(adapter integer, run_id text, is_deleted boolean, status text, attempt integer, error text, task text, parent_id text, created_at timestamp with time zone, started_at timestamp with time zone, finished_at timestamp with time zone) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._record_change(adapter integer, run_id text, is_deleted boolean, status text, attempt integer, error text, task text, parent_id text, created_at timestamp with time zone, started_at timestamp with time zone, finished_at timestamp with time zone) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._record_jobs(adapter integer, jobs regclass, query text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._record_jobs(adapter integer, jobs regclass, query text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._rollup_of(run_id text, key text, depth integer, task text, include_self boolean) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._rollup_of(run_id text, key text, depth integer, task text, include_self boolean) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta._root_of(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta._root_of(run_id text) TO runmeta_writer;

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

GRANT ALL ON FUNCTION runmeta.contract_violations(task text, max_runs integer, schema jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.contract_violations(task text, max_runs integer, schema jsonb) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.decrement(run_id text, key text, by numeric, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.del(run_id text, key text, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.deliver(max_runs integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.descendants(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.descendants(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.finish(run_id text, status text, attempt integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.flush(batch jsonb, writer uuid, sequence bigint) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.fold(max_runs integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.follow(max_runs integer) TO runmeta_writer;

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

GRANT ALL ON FUNCTION runmeta.samples(run_id text, key text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.samples(run_id text, key text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.set(run_id text, key text, value jsonb, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.set_status(run_id text, status text, attempt integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.size(document jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.size(document jsonb) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.start(run_id text, metadata jsonb, parent_run_id text, task text, tags text[], status text, attempt integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.stream_append(run_id text, stream text, chunks jsonb, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.stream_close(run_id text, stream text, error text, target runmeta.target) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.stream_read(run_id text, stream text, after bigint, max integer) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.stream_read(run_id text, stream text, after bigint, max integer) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.streams(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.streams(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.tree(run_id text) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.tree(run_id text) TO runmeta_writer;

GRANT ALL ON FUNCTION runmeta.unapplied_operations(document jsonb, operations jsonb) TO runmeta_reader;
GRANT ALL ON FUNCTION runmeta.unapplied_operations(document jsonb, operations jsonb) TO runmeta_writer;

GRANT INSERT(adapter) ON TABLE runmeta.adapter_failure TO runmeta_writer;

GRANT INSERT(operation) ON TABLE runmeta.adapter_failure TO runmeta_writer;

GRANT INSERT(jobs) ON TABLE runmeta.adapter_failure TO runmeta_writer;

GRANT INSERT(sqlstate) ON TABLE runmeta.adapter_failure TO runmeta_writer;

GRANT INSERT(message) ON TABLE runmeta.adapter_failure TO runmeta_writer;

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

GRANT INSERT(run_id) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(adapter) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(status) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(is_deleted) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(attempt) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(error) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(task) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(parent_id) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(created_at) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(started_at) ON TABLE runmeta.transition TO runmeta_writer;

GRANT INSERT(finished_at) ON TABLE runmeta.transition TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.unapplied TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.unapplied TO runmeta_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE runmeta.writer TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.activity TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.activity TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.adapter TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.adapter TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.contract TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.contract TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.history TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.history TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.live_run TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.live_run TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.task_setting TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.task_setting TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.progress TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.progress TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.stream TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.stream TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.stream_chunk TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.stream_chunk TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.tracked TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.tracked TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.stuck_run TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.stuck_run TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.task TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.task TO runmeta_writer;

GRANT SELECT ON TABLE runmeta.task_summary TO runmeta_reader;
GRANT SELECT ON TABLE runmeta.task_summary TO runmeta_writer;
