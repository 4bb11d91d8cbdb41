-- Queues whose jobs have runs that follow them: the adapters, what their triggers record, and what went wrong in them.

-- adapter

CREATE TABLE runmeta.adapter (
    id           pg_catalog.int4        NOT NULL,
    queue        pg_catalog.text        NOT NULL,
    -- Names and no oid: a dump has them, and the queue's own migrations may make the table anew.
    table_schema pg_catalog.text        NOT NULL,
    table_name   pg_catalog.text        NOT NULL,
    prefix       pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    tasks        pg_catalog.text[],
    metadata     pg_catalog.jsonb       NOT NULL DEFAULT '{}',
    parent       pg_catalog.text,
    mapping      pg_catalog.jsonb,
    keep         pg_catalog.interval,
    created_at   pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT adapter_pkey PRIMARY KEY (id),
    CONSTRAINT adapter_table_key UNIQUE (table_schema, table_name),
    -- Jobs of two queues would be one run.
    CONSTRAINT adapter_prefix_key UNIQUE (prefix),
    -- An age must have been a time.
    CONSTRAINT adapter_keep_check CHECK (keep OPERATOR(pg_catalog.>=) '0' AND keep OPERATOR(pg_catalog.<=) '100 years')
);

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

-- transition

-- What the triggers on a queue saw and the runs do not show yet. A row is recorded in the transaction of the queue, without
-- a look at the run: its row may be locked by the transaction of the job.
--
-- Order: the row of a job is locked in the queue until its transaction commits, and the id is given after that lock, so the
-- transitions of one run have ids in the order of their commits. Those of different runs need no order.
--
-- One for no run says that a queue is gone with all jobs of its task: its statement does not look for them.
--
-- No CHECK keeps what a writer makes up out: it would cost each statement of a queue. What no run can follow is dropped as a failure.
--
-- A row for each job and not for each statement: workers take and finish jobs one by one, and there eight arrays of one
-- element took 50 µs where a plain row takes 24. For 2,000 jobs in one statement it was 6 µs a job beside 8.
CREATE TABLE runmeta.transition (
    run_id      pg_catalog.text        COLLATE pg_catalog."C" NOT NULL,
    id          pg_catalog.int8        NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    adapter     pg_catalog.int4        NOT NULL,
    -- Who put it down, which nobody else can claim to be: writers have no right to fill this column. What a role may not do
    -- to the run is not done in its name.
    role        pg_catalog.name        NOT NULL DEFAULT CURRENT_USER,
    status      pg_catalog.text        NOT NULL,
    is_deleted  pg_catalog.bool        NOT NULL DEFAULT false,
    attempt     pg_catalog.int4,
    error       pg_catalog.text,
    task        pg_catalog.text,
    parent_id   pg_catalog.text        COLLATE pg_catalog."C",
    created_at  pg_catalog.timestamptz,
    started_at  pg_catalog.timestamptz,
    finished_at pg_catalog.timestamptz,
    at          pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),

    -- All of a run together: they are taken and applied together, so that what a transaction corrects is never seen.
    CONSTRAINT transition_pkey PRIMARY KEY (run_id, id)
)
WITH (
    -- As runmeta.inbox: each row lives for some milliseconds.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_threshold = 1000000
);

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

-- adapter_failure

-- A trigger of an adapter never fails its statement. What goes wrong is recorded here, without a lock that others could
-- wait for, and the worker keeps the last 100 of each adapter.
CREATE TABLE runmeta.adapter_failure (
    id         pg_catalog.int8        NOT NULL GENERATED ALWAYS AS IDENTITY,
    adapter    pg_catalog.int4        NOT NULL,
    role       pg_catalog.name        NOT NULL DEFAULT CURRENT_USER,
    operation  pg_catalog.text        NOT NULL,
    jobs       pg_catalog.text[],
    sqlstate   pg_catalog.text        NOT NULL,
    message    pg_catalog.text        NOT NULL,
    created_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),

    CONSTRAINT adapter_failure_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE runmeta.adapter_failure IS 'changes of jobs that adapters could not record or apply, the last 100 of each';
COMMENT ON COLUMN runmeta.adapter_failure.id IS 'makes the row unique';
COMMENT ON COLUMN runmeta.adapter_failure.adapter IS 'adapter of the queue';
COMMENT ON COLUMN runmeta.adapter_failure.role IS 'role that changed the jobs';
COMMENT ON COLUMN runmeta.adapter_failure.operation IS 'INSERT, UPDATE, DELETE or TRUNCATE on the table of jobs, or follow';
COMMENT ON COLUMN runmeta.adapter_failure.jobs IS 'ids of the jobs, at most 100, null if they could not be read';
COMMENT ON COLUMN runmeta.adapter_failure.sqlstate IS 'code of the error';
COMMENT ON COLUMN runmeta.adapter_failure.message IS 'the error';
COMMENT ON COLUMN runmeta.adapter_failure.created_at IS 'when it happened';

REVOKE ALL ON TABLE runmeta.adapter, runmeta.transition, runmeta.adapter_failure FROM PUBLIC;
REVOKE ALL ON SEQUENCE runmeta.transition_id_seq, runmeta.adapter_failure_id_seq FROM PUBLIC;
