-- contract

CREATE FUNCTION runmeta.contract(
    task pg_catalog.text,
    schema pg_catalog.jsonb,
    mode pg_catalog.text DEFAULT 'warn'
) RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'contract_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.contract IS
    'set the json schema that the metadata of a task is to fit, or remove it with null, and return false if it is as it was';
