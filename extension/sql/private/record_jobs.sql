-- _record_jobs

-- The query is run as the owner of the table of jobs, in whose rights nothing more can be done than the owner can.
CREATE FUNCTION runmeta._record_jobs(adapter pg_catalog.int4, jobs pg_catalog.regclass, query pg_catalog.text)
RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'record_jobs_wrapper'
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta._record_jobs IS 'records what a query returns of the jobs of a queue, and returns their number';
