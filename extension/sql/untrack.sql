-- untrack

CREATE FUNCTION runmeta.untrack(task pg_catalog.text, key pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'untrack_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.untrack IS
    'take no more samples of a number of a task, or of none if the key is null, and return of how many';
