-- deliver

CREATE FUNCTION runmeta.deliver(max_runs pg_catalog.int4 DEFAULT 1000) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'deliver_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION runmeta.deliver IS
    'announce changes that are not announced yet, where no background worker does, and return the number of runs';
