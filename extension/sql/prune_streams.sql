-- prune_streams

CREATE FUNCTION runmeta.prune_streams(before pg_catalog.timestamptz, max_streams pg_catalog.int4 DEFAULT 1000)
RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'prune_streams_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.prune_streams IS
    'delete streams that are closed or whose run has finished and that nobody appended to since a time, and return their number';
