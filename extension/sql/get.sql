-- get

CREATE FUNCTION runmeta.get(run_id pg_catalog.text) RETURNS pg_catalog.jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
AS $get$
DECLARE
    document pg_catalog.jsonb;
BEGIN
    SELECT r.metadata INTO document FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) get.run_id COLLATE pg_catalog."C";
    IF NOT FOUND THEN
        PERFORM runmeta._no_such_run(get.run_id);
    END IF;
    RETURN document;
END
$get$;

COMMENT ON FUNCTION runmeta.get(pg_catalog.text) IS 'metadata of a run';

CREATE FUNCTION runmeta.get(run_id pg_catalog.text, key pg_catalog.text) RETURNS pg_catalog.jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
AS $get$
BEGIN
    RETURN runmeta._value_at(runmeta.get(get.run_id), get.key);
END
$get$;

COMMENT ON FUNCTION runmeta.get(pg_catalog.text, pg_catalog.text) IS
    'value at a key or path in the metadata of a run, null if there is none';
