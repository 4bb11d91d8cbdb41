-- _apply_in_shard

-- Called by the statement of runmeta.flush() for the runs of a shard, on the server that has the shard: Citus lets an UPDATE call
-- immutable functions only, and this one depends on nothing but its arguments. outcomes has a word for each of the lists, and
-- unapplied, if there is any, what runmeta.flush() returns for each. document is NULL if it stays as it is.
CREATE FUNCTION runmeta._apply_in_shard(
    run_id pg_catalog.text,
    metadata pg_catalog.jsonb,
    old_version pg_catalog.int8,
    old_size_bound pg_catalog.int4,
    is_closed pg_catalog.bool,
    lists pg_catalog.jsonb,
    maximum pg_catalog.int4
) RETURNS TABLE (
    document pg_catalog.jsonb,
    size_bound pg_catalog.int4,
    version pg_catalog.int8,
    outcomes pg_catalog.text,
    unapplied pg_catalog.jsonb
)
AS 'MODULE_PATHNAME', 'apply_in_shard_wrapper'
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 1;

COMMENT ON FUNCTION runmeta._apply_in_shard IS 'what lists of operations make of a document';
