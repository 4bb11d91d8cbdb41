-- _check_contract

CREATE FUNCTION runmeta._check_contract() RETURNS trigger
AS 'MODULE_PATHNAME', 'check_contract_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION runmeta._check_contract IS 'check that the metadata of a run fits the contract of its task';
