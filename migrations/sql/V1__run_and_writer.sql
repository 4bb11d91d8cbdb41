-- Runs, writers and streams, and what waits to be folded into runs or announced.
--
-- Every name is qualified, operators and types too: the tables come out the
-- same whatever the search_path of the session that runs this.

CREATE EXTENSION IF NOT EXISTS runmeta;

COMMENT ON SCHEMA runmeta IS 'run metadata: what background jobs say about themselves while they run';

-- run

-- No foreign key from parent_id or root_id: checking one locks the parent's row
-- (FOR KEY SHARE), so thousands of children that start at once would queue up
-- at it and rewrite its header each time. runmeta.start() reads parent and root
-- from this table and neither ever changes; prune() removes whole trees.
-- Ids compare by bytes: quicker than by a language's rules, and no upgrade of a
-- C library can break the indexes.
-- No CHECK constraints: Postgres reads the expression of each anew for every statement,
-- whatever it changes. Seven of them (lengths, signs, a root has no parent) took 40 µs of
-- the 110 that a single set takes of a processor. The functions check what they are given,
-- and rely on none of it: trees end where the depth does not go on.
CREATE TABLE runmeta.run (
    root_id     pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    id          pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    parent_id   pg_catalog.text        COLLATE pg_catalog."C",
    depth       pg_catalog.int4        NOT NULL DEFAULT 0,
    task        pg_catalog.text,
    tags        pg_catalog.text[]      NOT NULL DEFAULT '{}',
    status      pg_catalog.text        NOT NULL DEFAULT 'running',
    attempt     pg_catalog.int4        NOT NULL DEFAULT 1,
    metadata    pg_catalog.jsonb       NOT NULL DEFAULT '{}',
    version     pg_catalog.int8        NOT NULL DEFAULT 1,
    -- The clock and not the transaction's start: a tree is printed in the order in which its runs started.
    created_at  pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    started_at  pg_catalog.timestamptz,
    updated_at  pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at pg_catalog.timestamptz,
    -- Kept by the functions: measuring a document means walking all of it. NULL where
    -- only a plain INSERT or UPDATE has written the document.
    size_bound  pg_catalog.int4,

    CONSTRAINT run_pkey PRIMARY KEY (root_id, id),
    -- Kept apart from the primary key, because it is what has to go on Citus.
    CONSTRAINT run_id_key UNIQUE (id)
)
WITH (
    -- A flush writes every run of a page in one transaction, and nothing can be
    -- pruned before that commits: each row needs room for a second version.
    -- Measured on 20,000 runs of 300 bytes, 200 batches of 1,000 neighbours:
    -- HOT updates 37 % at 100, 96.6 % at 90, 99.4 % at 70, all of them at 50.
    -- The price is 1.8 times the pages of 90; documents over 2 kB are stored
    -- elsewhere (TOAST) and pay nothing.
    fillfactor = 50,
    -- Pages are pruned as they are written, so vacuum has little to do here: at
    -- the default of 20 % a million finished runs would hide the dead rows of
    -- 200,000 live updates.
    autovacuum_vacuum_scale_factor = 0.05,
    -- Each new version of a document over 2 kB leaves the old one behind, which
    -- only vacuum frees: ten writes a second to one document of 200 kB are
    -- 60,000 pieces of 2 kB a minute. A guess, to be measured under load.
    toast.autovacuum_vacuum_scale_factor = 0.05,
    toast.autovacuum_vacuum_threshold = 5000,
    -- Updates change columns that have no statistics worth having; the default
    -- of 10 % would analyze a busy table every minute.
    autovacuum_analyze_scale_factor = 0.5
);

-- Documents are never a search key, and their most common values in pg_stats
-- would only be a copy of somebody's data.
ALTER TABLE runmeta.run ALTER COLUMN metadata SET STATISTICS 0;

-- Documents of 263 kB are written in 0.37 of the time of pglz and read in 0.26 of
-- it, at the same size. Some builds of Postgres leave lz4 out.
DO $compression$
BEGIN
    ALTER TABLE runmeta.run ALTER COLUMN metadata SET COMPRESSION lz4;
EXCEPTION
    WHEN feature_not_supported THEN
        RAISE NOTICE 'this server was built without lz4: metadata keeps the default compression';
END
$compression$;

-- Updates stay HOT as long as no index contains metadata, version or updated_at, in
-- its condition either. finished_at changes at the end of an attempt only, and that
-- update writes each index whose condition then holds.
CREATE INDEX run_root_id_parent_id_idx ON runmeta.run (root_id, parent_id)
    WHERE parent_id IS NOT NULL;
-- With root_id, so that prune goes on behind the last root that it looked at, however many
-- finished at the same time.
CREATE INDEX run_finished_at_idx ON runmeta.run (finished_at, root_id)
    WHERE parent_id IS NULL AND finished_at IS NOT NULL;

-- What every dashboard asks. Measured on 200,000 runs in 20,000 trees, of which one in
-- 50 runs: pages read for 20 rows, and what the index adds to a start and a finish of
-- a child, which write 859 and 578 bytes of WAL without them. set writes none of them.
--
--                                      pages, of 25,000    start    finish      size
-- newest trees     run_created_at_idx                 5      0 *         0    0.5 MB
-- unfinished runs  run_unfinished_idx                22       66         0    0.1 MB
-- newest of a task run_task_created_at_idx           23       90        88    6.2 MB
-- by a tag         gin (tags)                       206      440       457    1.8 MB
--
-- * 67 for a root. The last one costs as much as half of a start and most of a finish,
-- and only who searches by tags needs it: it is a recipe in the operations guide.
CREATE INDEX run_created_at_idx ON runmeta.run (created_at)
    WHERE parent_id IS NULL;
CREATE INDEX run_unfinished_idx ON runmeta.run (created_at)
    WHERE finished_at IS NULL;
CREATE INDEX run_task_created_at_idx ON runmeta.run (task, created_at)
    WHERE task IS NOT NULL;

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
COMMENT ON INDEX runmeta.run_root_id_parent_id_idx IS 'children of a run';
COMMENT ON INDEX runmeta.run_finished_at_idx IS 'finished trees, for prune';
COMMENT ON INDEX runmeta.run_created_at_idx IS 'trees by the time of their start';
COMMENT ON INDEX runmeta.run_unfinished_idx IS 'runs that wait or run, by the time of their start';
COMMENT ON INDEX runmeta.run_task_created_at_idx IS 'runs of a task by the time of their start';

-- task_setting

-- How reports look at a task. Empty until the owner writes to it: a task without a row is reported by the conventions.
CREATE TABLE runmeta.task_setting (
    task         pg_catalog.text     NOT NULL,
    done_key     pg_catalog.text,
    total_key    pg_catalog.text,
    total        pg_catalog.numeric,
    silent_limit pg_catalog.interval,
    stall_limit  pg_catalog.interval,
    wait_limit   pg_catalog.interval,
    time_limit   pg_catalog.interval,

    CONSTRAINT task_setting_pkey PRIMARY KEY (task),
    CONSTRAINT task_setting_total_of_done CHECK (done_key IS NOT NULL OR (total_key IS NULL AND total IS NULL)),
    CONSTRAINT task_setting_one_total CHECK (total_key IS NULL OR total IS NULL),
    CONSTRAINT task_setting_total_positive CHECK (total OPERATOR(pg_catalog.>) 0)
);

COMMENT ON TABLE runmeta.task_setting IS 'tasks that reports do not look at by the conventions';
COMMENT ON COLUMN runmeta.task_setting.task IS 'name of the task';
COMMENT ON COLUMN runmeta.task_setting.done_key IS 'key or path of the number that is done, null to find it by its name';
COMMENT ON COLUMN runmeta.task_setting.total_key IS 'key or path of the number that it is a part of';
COMMENT ON COLUMN runmeta.task_setting.total IS 'what it is a part of where that is always the same';
COMMENT ON COLUMN runmeta.task_setting.silent_limit IS 'how long a run may work without a write, null for an hour';
COMMENT ON COLUMN runmeta.task_setting.stall_limit IS 'how long the tracked numbers of a run that works may all stand still, null for an hour';
COMMENT ON COLUMN runmeta.task_setting.wait_limit IS 'how long a run may wait, null for ever';
COMMENT ON COLUMN runmeta.task_setting.time_limit IS 'how long an attempt may work, null for ever';

-- contract

-- The JSON Schema that the metadata of a task's runs is to fit. Set by runmeta.contract(), which makes the trigger that checks
-- documents with the first, and removes it with the last.
CREATE TABLE runmeta.contract (
    task       pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    schema     pg_catalog.jsonb       NOT NULL,
    mode       pg_catalog.text        NOT NULL,
    updated_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),

    CONSTRAINT contract_pkey PRIMARY KEY (task),
    CONSTRAINT contract_mode_known CHECK (mode OPERATOR(pg_catalog.=) ANY ('{warn,enforce}'))
);

COMMENT ON TABLE runmeta.contract IS 'json schemas that the metadata of tasks is to fit';
COMMENT ON COLUMN runmeta.contract.task IS 'name of the task';
COMMENT ON COLUMN runmeta.contract.schema IS 'the json schema';
COMMENT ON COLUMN runmeta.contract.mode IS 'what becomes of metadata that does not fit: warn or enforce';
COMMENT ON COLUMN runmeta.contract.updated_at IS 'when it was set last';

-- writer

CREATE TABLE runmeta.writer (
    id            pg_catalog.uuid        NOT NULL,
    last_sequence pg_catalog.int8        NOT NULL,
    refused       pg_catalog.jsonb,
    updated_at    pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT writer_pkey PRIMARY KEY (id),
    CONSTRAINT writer_last_sequence_positive CHECK (last_sequence OPERATOR(pg_catalog.>) 0)
)
WITH (
    -- A row of 60 bytes for each client process, rewritten with each of its
    -- batches: a page holds the versions of about 60 batches beside 60 writers.
    fillfactor = 50
);

COMMENT ON TABLE runmeta.writer IS 'client processes and the last batch of each, so that none is applied twice';
COMMENT ON COLUMN runmeta.writer.id IS 'uuid the client process chose';
COMMENT ON COLUMN runmeta.writer.last_sequence IS 'number of its last batch, counted from 1';
COMMENT ON COLUMN runmeta.writer.refused IS 'what had no effect of its last batch, to be told again if it comes again, null if nothing';
COMMENT ON COLUMN runmeta.writer.updated_at IS 'when that batch came';

-- inbox

-- Lists of operations that wait to be folded into the document of their run. Nobody
-- but the owner has rights here: the functions queue and fold in his name.
-- No foreign key: checking it would lock the row of the run, which is what the table
-- is there to avoid.
CREATE TABLE runmeta.inbox (
    root_id        pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    run_id         pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    -- The order in which lists are applied. A sequence that no session caches: a
    -- writer's later list has the greater number, whichever session it comes from.
    id             pg_catalog.int8        NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    -- Tells the run from another one that is started with its id when it was pruned.
    run_created_at pg_catalog.timestamptz NOT NULL,
    source_id      pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    writer         pg_catalog.uuid,
    operations     pg_catalog.jsonb       NOT NULL,
    -- What shared memory counts for it, which after a restart is counted anew from here.
    weight         pg_catalog.int4        NOT NULL DEFAULT 0,
    created_at     pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),

    CONSTRAINT inbox_pkey PRIMARY KEY (root_id, run_id, id)
)
WITH (
    -- Each row lives for some milliseconds. Vacuum has to come by number and not by
    -- share, which of an empty table is nothing, and statistics are of no use.
    -- Measured with 10,700 lists a second for 60 s (make bench ARGS=bloat): autovacuum
    -- comes each minute, the table has 6,800 pages at the most and none 18 s after the
    -- load. The index keeps its 2,200 pages and uses them again.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_threshold = 1000000
);

ALTER TABLE runmeta.inbox ALTER COLUMN operations SET STATISTICS 0;

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

-- unapplied

CREATE TABLE runmeta.unapplied (
    root_id        pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    run_id         pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    -- Another run may be started with the id of one that was deleted, by somebody who may not see what that one had.
    run_created_at pg_catalog.timestamptz NOT NULL,
    position       pg_catalog.int8        NOT NULL,
    source_id      pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    writer         pg_catalog.uuid,
    operation      pg_catalog.jsonb       NOT NULL,
    reason         pg_catalog.text        NOT NULL,
    detail         pg_catalog.text,
    created_at     pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Two transactions may take lists of a run that is gone, and give the same positions.
    id             pg_catalog.int8        NOT NULL GENERATED ALWAYS AS IDENTITY,

    CONSTRAINT unapplied_pkey PRIMARY KEY (root_id, run_id, position, id)
);

-- Operations hold metadata: whoever may not see a run sees none of its operations (the policy is in reading.sql).
ALTER TABLE runmeta.unapplied ENABLE ROW LEVEL SECURITY;

COMMENT ON TABLE runmeta.unapplied IS 'operations that waited in the inbox and could not be applied, the last 100 of each run';
COMMENT ON COLUMN runmeta.unapplied.root_id IS 'first run of the tree';
COMMENT ON COLUMN runmeta.unapplied.run_id IS 'run whose metadata it was for';
COMMENT ON COLUMN runmeta.unapplied.run_created_at IS 'when that run was started';
COMMENT ON COLUMN runmeta.unapplied.position IS 'how many the run had with this one, counted from 1';
COMMENT ON COLUMN runmeta.unapplied.source_id IS 'run that brought the operation';
COMMENT ON COLUMN runmeta.unapplied.writer IS 'client process that sent it in a batch';
COMMENT ON COLUMN runmeta.unapplied.operation IS 'the operation, without its value if it is large';
COMMENT ON COLUMN runmeta.unapplied.reason IS 'a word for the reason';
COMMENT ON COLUMN runmeta.unapplied.detail IS 'the reason in a sentence';
COMMENT ON COLUMN runmeta.unapplied.created_at IS 'when it was to be applied';
COMMENT ON COLUMN runmeta.unapplied.id IS 'makes the row unique';

-- stream

-- A stream of a run. Nobody but the owner may write here: the functions append in his name, when they have checked that
-- the caller may write the run. No foreign key, as for the inbox.
CREATE TABLE runmeta.stream (
    root_id        pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    run_id         pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    name           pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    -- Tells the run from another one that is started with its id when it was deleted.
    run_created_at pg_catalog.timestamptz NOT NULL,
    chunks         pg_catalog.int8        NOT NULL DEFAULT 0,
    -- The last chunks, so that an append of a few is one update and no new row: see stream_chunk.
    tail           pg_catalog.jsonb       NOT NULL DEFAULT '[]',
    attempt        pg_catalog.int4,
    closed_at      pg_catalog.timestamptz,
    error          pg_catalog.text,
    created_at     pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    updated_at     pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),

    CONSTRAINT stream_pkey PRIMARY KEY (root_id, run_id, name)
)
WITH (
    -- As for runs: an append leaves the old version behind, and stays HOT while the page has room. No index may
    -- contain what an append changes.
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.5
);

-- The functions go by the bytes that the tail has in the row. It is rewritten with each append, so compressing it
-- would cost more than it saves.
ALTER TABLE runmeta.stream ALTER COLUMN tail SET STORAGE PLAIN;
ALTER TABLE runmeta.stream ALTER COLUMN tail SET STATISTICS 0;

-- Whoever may not see a run sees none of its streams (the policies are in reading.sql).
ALTER TABLE runmeta.stream ENABLE ROW LEVEL SECURITY;

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

-- stream_chunk

-- Chunks, many to a row: one of an LLM has some 4 bytes, and a row costs 60 and an entry of the index.
CREATE TABLE runmeta.stream_chunk (
    root_id pg_catalog.text  COLLATE pg_catalog."C" NOT NULL,
    run_id  pg_catalog.text  COLLATE pg_catalog."C" NOT NULL,
    stream  pg_catalog.text  COLLATE pg_catalog."C" NOT NULL,
    first   pg_catalog.int8  NOT NULL,
    count   pg_catalog.int4  NOT NULL,
    chunks  pg_catalog.jsonb NOT NULL,

    CONSTRAINT stream_chunk_pkey PRIMARY KEY (root_id, run_id, stream, first)
)
WITH (
    -- Rows are inserted and never changed, so that vacuum comes for those that prune deletes.
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.5
);

-- In the row, compressed where that helps: pieces elsewhere would cost as many rows again. Only chunks that fit into
-- no page are stored elsewhere.
ALTER TABLE runmeta.stream_chunk ALTER COLUMN chunks SET STORAGE MAIN;
ALTER TABLE runmeta.stream_chunk ALTER COLUMN chunks SET STATISTICS 0;

DO $compression$
BEGIN
    ALTER TABLE runmeta.stream_chunk ALTER COLUMN chunks SET COMPRESSION lz4;
EXCEPTION
    WHEN feature_not_supported THEN
        NULL; -- reported for the metadata already
END
$compression$;

ALTER TABLE runmeta.stream_chunk ENABLE ROW LEVEL SECURITY;

COMMENT ON TABLE runmeta.stream_chunk IS 'chunks of streams, many to a row; the last ones are in runmeta.stream';
COMMENT ON COLUMN runmeta.stream_chunk.root_id IS 'first run of the tree';
COMMENT ON COLUMN runmeta.stream_chunk.run_id IS 'run that the stream belongs to';
COMMENT ON COLUMN runmeta.stream_chunk.stream IS 'name of the stream';
COMMENT ON COLUMN runmeta.stream_chunk.first IS 'number of the first chunk';
COMMENT ON COLUMN runmeta.stream_chunk.count IS 'how many chunks there are';
COMMENT ON COLUMN runmeta.stream_chunk.chunks IS 'the chunks, a json array';

-- tracked

-- Written by runmeta.track() and runmeta.untrack(), which also tell the sessions; whoever writes here by hand does not.
CREATE TABLE runmeta.tracked (
    task  pg_catalog.text     COLLATE pg_catalog."C" NOT NULL,
    key   pg_catalog.text     COLLATE pg_catalog."C" NOT NULL,
    every pg_catalog.interval NOT NULL,
    keep  pg_catalog.int4     NOT NULL,

    CONSTRAINT tracked_pkey PRIMARY KEY (task, key),
    -- A row of 1,000 samples has 16 kB, which each sample writes anew.
    CONSTRAINT tracked_keep_bounded CHECK (keep OPERATOR(pg_catalog.>=) 4 AND keep OPERATOR(pg_catalog.<=) 1000),
    CONSTRAINT tracked_every_bounded CHECK (every OPERATOR(pg_catalog.>=) '1 second'::pg_catalog.interval
        AND every OPERATOR(pg_catalog.<=) '1 day'::pg_catalog.interval)
);

COMMENT ON TABLE runmeta.tracked IS 'numbers in the metadata of a task''s runs of which a history is kept';
COMMENT ON COLUMN runmeta.tracked.task IS 'name of the task';
COMMENT ON COLUMN runmeta.tracked.key IS 'key or path of the number';
COMMENT ON COLUMN runmeta.tracked.every IS 'time from a sample to the next, at the least';
COMMENT ON COLUMN runmeta.tracked.keep IS 'samples that are kept of a run, at the most';

-- history

-- All samples of a number in one row, because a sample in a row of its own would cost 60 bytes and an entry of the index.
-- No foreign key: prune() deletes the histories of a tree, and the trigger that keeps them those of a run that is
-- deleted by hand.
CREATE TABLE runmeta.history (
    root_id        pg_catalog.text          COLLATE pg_catalog."C" NOT NULL,
    run_id         pg_catalog.text          COLLATE pg_catalog."C" NOT NULL,
    key            pg_catalog.text          COLLATE pg_catalog."C" NOT NULL,
    -- Another run may be started with the id of one that was deleted, by somebody who may not see what that one had.
    run_created_at pg_catalog.timestamptz   NOT NULL,
    spacing        pg_catalog.interval      NOT NULL,
    at             pg_catalog.timestamptz[] NOT NULL,
    value          pg_catalog.float8[]      NOT NULL,

    CONSTRAINT history_pkey PRIMARY KEY (root_id, run_id, key)
)
WITH (
    -- Each sample writes the row anew, of 1 kB where 60 are kept: a page has four, and room for a second version of each.
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.5
);

ALTER TABLE runmeta.history ALTER COLUMN at SET STATISTICS 0;
ALTER TABLE runmeta.history ALTER COLUMN value SET STATISTICS 0;

-- Whoever may not see a run sees none of its histories (the policy is in reading.sql).
ALTER TABLE runmeta.history ENABLE ROW LEVEL SECURITY;

COMMENT ON TABLE runmeta.history IS 'tracked numbers of runs: how each changed, a row a run and key';
COMMENT ON COLUMN runmeta.history.root_id IS 'first run of the tree';
COMMENT ON COLUMN runmeta.history.run_id IS 'run that has the number in its metadata';
COMMENT ON COLUMN runmeta.history.key IS 'key or path of the number';
COMMENT ON COLUMN runmeta.history.run_created_at IS 'when that run was started';
COMMENT ON COLUMN runmeta.history.spacing IS 'time from a sample to the next, at the least; doubled each time that every other one was dropped';
COMMENT ON COLUMN runmeta.history.at IS 'when the samples were taken, in ascending order';
COMMENT ON COLUMN runmeta.history.value IS 'what the number was then; no sample is taken while it stays the same';

-- outbox

-- Changes of transactions that were prepared for a two-phase commit, to be announced
-- by the worker when they are committed. All other changes are announced from memory.
CREATE TABLE runmeta.outbox (
    id      pg_catalog.int8 NOT NULL GENERATED ALWAYS AS IDENTITY,
    root_id pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
    run_id  pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
    version pg_catalog.int8,
    stream  pg_catalog.text COLLATE pg_catalog."C",
    last    pg_catalog.int8,
    closed  pg_catalog.bool NOT NULL DEFAULT false,

    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE runmeta.outbox IS 'runs and streams that a prepared transaction changed, to be announced when it is committed';
COMMENT ON COLUMN runmeta.outbox.id IS 'makes the row unique';
COMMENT ON COLUMN runmeta.outbox.root_id IS 'first run of the tree';
COMMENT ON COLUMN runmeta.outbox.run_id IS 'run that changed, or whose stream did';
COMMENT ON COLUMN runmeta.outbox.version IS 'version that it was given, null if a list was queued for it';
COMMENT ON COLUMN runmeta.outbox.stream IS 'stream that changed, null if it is the run';
COMMENT ON COLUMN runmeta.outbox.last IS 'number of its last chunk, -1 if it has none';
COMMENT ON COLUMN runmeta.outbox.closed IS 'whether it was closed';

-- Default privileges of a database may give every new table to PUBLIC.
REVOKE ALL ON TABLE runmeta.run, runmeta.task_setting, runmeta.contract, runmeta.writer, runmeta.inbox, runmeta.unapplied, runmeta.stream,
    runmeta.stream_chunk, runmeta.tracked, runmeta.history, runmeta.outbox FROM PUBLIC;
REVOKE ALL ON SEQUENCE runmeta.inbox_id_seq, runmeta.unapplied_id_seq, runmeta.outbox_id_seq FROM PUBLIC;
