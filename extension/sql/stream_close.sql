-- stream_close

CREATE FUNCTION runmeta.stream_close(
    run_id pg_catalog.text,
    stream pg_catalog.text DEFAULT 'default',
    error pg_catalog.text DEFAULT NULL,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'stream_close_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.stream_close IS
    'close a stream, perhaps with an error, and return the number of its last chunk';
