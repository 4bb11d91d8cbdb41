-- prune

CREATE FUNCTION runmeta.prune(before pg_catalog.timestamptz, max_trees pg_catalog.int4 DEFAULT 1000)
RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'prune_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.prune IS
    'delete trees of which every run finished before a time, the oldest first, and return the number of runs';
