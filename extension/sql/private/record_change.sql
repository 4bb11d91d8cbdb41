-- _record_change

-- What the triggers of an adapter call with each job that changed, as the condition of a statement that has no rows by it. Its cost is
-- more than anything else in that condition may have.
CREATE FUNCTION runmeta._record_change(
    adapter pg_catalog.int4,
    run_id pg_catalog.text,
    is_deleted pg_catalog.bool,
    status pg_catalog.text,
    attempt pg_catalog.int4,
    error pg_catalog.text,
    task pg_catalog.text,
    parent_id pg_catalog.text,
    created_at pg_catalog.timestamptz,
    started_at pg_catalog.timestamptz,
    finished_at pg_catalog.timestamptz
) RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'record_change_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION runmeta._record_change IS 'records a change of a job, has the worker look for it, and returns false';
