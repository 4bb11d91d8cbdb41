-- _adapter_sync

-- Statement that records what all jobs are now, but those that have finished and have no run.
CREATE FUNCTION runmeta._adapter_sync(
    adapter pg_catalog.int4,
    jobs pg_catalog.regclass,
    prefix pg_catalog.text,
    tasks pg_catalog.text[],
    row_query pg_catalog.text
) RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
AS $query$ SELECT pg_catalog.concat(
    pg_catalog.format($head$INSERT INTO runmeta.transition
    (adapter, run_id, status, attempt, error, task, parent_id, created_at, started_at, finished_at)
SELECT %s, runmeta._noted(%L OPERATOR(pg_catalog.||) c.id), c.status, c.attempt, c.error, c.task, c.parent_id, c.created_at,
    c.started_at, c.finished_at
FROM ($head$, adapter, prefix),
    pg_catalog.replace(row_query, '{jobs}', jobs::pg_catalog.text),
    pg_catalog.format($tail$) AS c
WHERE (c.status OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'retrying', 'running']::pg_catalog.text[])
    OR EXISTS (SELECT FROM runmeta.run AS r
        WHERE r.id OPERATOR(pg_catalog.=) ((%L OPERATOR(pg_catalog.||) c.id) COLLATE pg_catalog."C")))$tail$, prefix),
    CASE WHEN tasks IS NULL THEN ''
        ELSE pg_catalog.format(E'\n    AND c.task OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', tasks) END) $query$;

COMMENT ON FUNCTION runmeta._adapter_sync IS 'statement that records what the jobs of a queue are now';
