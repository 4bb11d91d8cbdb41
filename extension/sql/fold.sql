-- fold

CREATE FUNCTION runmeta.fold(max_runs pg_catalog.int4 DEFAULT 1000) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'fold_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.fold IS
    'apply the lists that wait in the inbox to the metadata of their runs and return the number of lists';
