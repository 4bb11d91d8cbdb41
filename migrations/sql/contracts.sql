-- What contracts have beside their table. Looked at by every run of the toolkit and made where it is missing: it goes with the
-- functions when the extension is dropped, and a restore of data alone brings contracts without their trigger.

DO $contracts$
BEGIN
    -- A schema that is none is refused when it is stored, whoever stores it, and not when a run is.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid OPERATOR(pg_catalog.=) 'runmeta.contract'::pg_catalog.regclass
            AND c.conname OPERATOR(pg_catalog.=) 'contract_schema_valid'
    ) THEN
        ALTER TABLE runmeta.contract ADD CONSTRAINT contract_schema_valid CHECK (runmeta._is_schema(schema));
    END IF;

    -- As runmeta.contract() makes it.
    IF EXISTS (SELECT FROM runmeta.contract) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
            AND t.tgname OPERATOR(pg_catalog.=) 'zz_contract'
    ) THEN
        CREATE TRIGGER zz_contract
        BEFORE INSERT OR UPDATE OF metadata, task ON runmeta.run
        FOR EACH ROW EXECUTE FUNCTION runmeta._check_contract();
    END IF;
END
$contracts$;
