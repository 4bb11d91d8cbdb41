-- stream_append

CREATE FUNCTION runmeta.stream_append(
    run_id pg_catalog.text,
    stream pg_catalog.text,
    chunks pg_catalog.jsonb,
    target runmeta.target DEFAULT 'self'
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'stream_append_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.stream_append IS
    'append the elements of an array to a stream and return the number of the last chunk';
