-- follow

CREATE FUNCTION runmeta.follow(max_runs pg_catalog.int4 DEFAULT 1000) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'follow_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.follow IS
    'have runs follow what happened to their jobs in adapted queues and return the number of changes';
