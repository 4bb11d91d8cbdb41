-- _adapter_sync

-- Statement that records what all jobs are now, but those that have finished and have no run: of these only the ones under
-- which others are to be that have not finished. A word that is not translated means that the job waits, unless it is one that
-- means an end elsewhere: an old table is full of those.
CREATE FUNCTION runmeta._adapter_sync(
    adapter pg_catalog.int4,
    jobs pg_catalog.regclass,
    prefix pg_catalog.text,
    tasks pg_catalog.text[],
    row_list pg_catalog.text
) RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
AS $query$ SELECT pg_catalog.format('SELECT runmeta._record_jobs(%s, %L, %L)', adapter, jobs, pg_catalog.concat(
    pg_catalog.format($head$WITH RECURSIVE _runmeta_job AS MATERIALIZED (
    SELECT c.*, (%L OPERATOR(pg_catalog.||) c.id) COLLATE pg_catalog."C" AS run_id,
        pg_catalog.lower(c.status) OPERATOR(pg_catalog.<>) ALL (ARRAY['completed', 'succeeded', 'failed', 'cancelled', 'canceled', 'discarded', 'done', 'complete', 'success', 'error', 'aborted',
            'crashed', 'killed', 'expired', 'timeout', 'timed_out']::pg_catalog.text[]) AS is_open
    FROM ($head$, prefix),
    runmeta._adapter_rows(row_list, pg_catalog.format('%I.%I', n.nspname, t.relname)),
    ') AS c',
    CASE WHEN tasks IS NULL THEN ''
        ELSE pg_catalog.format(E'\n    WHERE c.task OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', tasks) END,
    $tail$
), unfinished AS (
    SELECT j.parent_id FROM _runmeta_job AS j
    WHERE j.parent_id IS NOT NULL AND j.is_open
), above (run_id) AS (
    SELECT u.parent_id COLLATE pg_catalog."C" FROM unfinished AS u
    UNION
    SELECT j.parent_id COLLATE pg_catalog."C" FROM above AS a
    JOIN _runmeta_job AS j ON j.run_id OPERATOR(pg_catalog.=) a.run_id
    WHERE j.parent_id IS NOT NULL
)
SELECT c.run_id::pg_catalog.text, c.is_open
        OR EXISTS (SELECT FROM above AS a WHERE a.run_id OPERATOR(pg_catalog.=) c.run_id),
    c.status::pg_catalog.text, c.attempt::pg_catalog.int4, c.error::pg_catalog.text, c.task::pg_catalog.text,
    c.parent_id::pg_catalog.text, c.created_at::pg_catalog.timestamptz, c.started_at::pg_catalog.timestamptz,
    c.finished_at::pg_catalog.timestamptz
FROM _runmeta_job AS c$tail$))
FROM pg_catalog.pg_class AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) t.relnamespace
WHERE t.oid OPERATOR(pg_catalog.=) jobs $query$;

COMMENT ON FUNCTION runmeta._adapter_sync IS 'statement that records what the jobs of a queue are now';
