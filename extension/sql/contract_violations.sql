-- contract_violations

CREATE FUNCTION runmeta.contract_violations(
    task pg_catalog.text,
    max_runs pg_catalog.int4 DEFAULT 1000,
    schema pg_catalog.jsonb DEFAULT NULL
) RETURNS TABLE (run_id pg_catalog.text, path pg_catalog.text, message pg_catalog.text)
AS 'MODULE_PATHNAME', 'contract_violations_wrapper'
LANGUAGE c STABLE PARALLEL UNSAFE COST 100000 ROWS 100;

COMMENT ON FUNCTION runmeta.contract_violations IS
    'runs of a task whose metadata does not fit its contract or another schema, the newest first';
