-- get

-- In plpgsql, although its body is one query: a session keeps its plan, while a function in SQL is planned by each
-- statement that calls it, and one that reads a table is never inlined into an expression. Microseconds of a processor
-- for one get of a document of 300 bytes among 200,000 (Postgres 15, median of 5):
--
--                              statement of its own    one of 20,000 in a statement
-- plpgsql                          12                       5.3
-- SQL                              42                       5.3
-- the query, without a function    22                       2.8
--
-- Where runs lie in parts, the first statement is planned as one that reads nothing. To find the root before it, or to ask whether
-- that is needed, would cost the others 2 percent. Citus finds the shard by a variable, and not by a function in the condition.
CREATE FUNCTION runmeta.get(run_id pg_catalog.text) RETURNS pg_catalog.jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
AS $get$
DECLARE
    document pg_catalog.jsonb;
    root pg_catalog.text;
BEGIN
    SELECT runmeta._live_metadata(r.metadata::pg_catalog.jsonb,
        r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz)
    INTO document FROM runmeta.run AS r
    WHERE r.id OPERATOR(pg_catalog.=) get.run_id COLLATE pg_catalog."C"
        AND NOT runmeta._is_split();
    IF NOT FOUND THEN
        root := runmeta._root_of(get.run_id);
        IF root IS NOT NULL THEN
            SELECT runmeta._live_metadata(r.metadata::pg_catalog.jsonb,
                r.root_id::pg_catalog.text, r.id::pg_catalog.text, r.created_at::pg_catalog.timestamptz)
            INTO document FROM runmeta.run AS r
            WHERE r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C"
                AND r.id OPERATOR(pg_catalog.=) get.run_id COLLATE pg_catalog."C";
        END IF;
    END IF;
    RETURN document;
END
$get$;

COMMENT ON FUNCTION runmeta.get(pg_catalog.text) IS 'metadata of a run, null if there is no such run';

-- In SQL and not strict, so that it is inlined: it costs no more than the two calls of its body.
CREATE FUNCTION runmeta.get(run_id pg_catalog.text, key pg_catalog.text) RETURNS pg_catalog.jsonb
LANGUAGE sql STABLE PARALLEL SAFE COST 100
AS $get$
    SELECT runmeta._value_at(runmeta.get(run_id), key)
$get$;

COMMENT ON FUNCTION runmeta.get(pg_catalog.text, pg_catalog.text) IS
    'value at a key or path in the metadata of a run, null if there is none';
