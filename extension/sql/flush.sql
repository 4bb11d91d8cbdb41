-- flush

CREATE FUNCTION runmeta.flush(
    batch pg_catalog.jsonb,
    writer pg_catalog.uuid DEFAULT NULL,
    sequence pg_catalog.int8 DEFAULT NULL
) RETURNS TABLE (
    run_id pg_catalog.text,
    target runmeta.target,
    outcome pg_catalog.text,
    version pg_catalog.int8,
    unapplied pg_catalog.jsonb,
    part pg_catalog.text,
    stream pg_catalog.text
)
AS 'MODULE_PATHNAME', 'flush_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 10000 ROWS 100;

COMMENT ON FUNCTION runmeta.flush IS 'apply a batch for many runs, of operations, chunks of streams, starts, statuses and finishes, exactly once for each sequence of a writer';
