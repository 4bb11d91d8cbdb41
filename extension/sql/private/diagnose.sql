-- _diagnose

-- Called by the client when a batch was refused. Whoever calls it needs the right to write runs.
CREATE FUNCTION runmeta._diagnose(writer pg_catalog.uuid, run_ids pg_catalog.text[])
RETURNS TABLE (last_sequence pg_catalog.int8, locked pg_catalog.text[])
AS 'MODULE_PATHNAME', 'diagnose_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1;

COMMENT ON FUNCTION runmeta._diagnose IS 'last sequence of a writer, and those of the runs that another transaction has locked';
