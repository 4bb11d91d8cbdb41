-- What readers and writers may call. Looked at by every run of the toolkit and changed only where something is missing; on the other
-- nodes of a Citus cluster too, because what is granted on functions of an extension stays on the node on which it is granted.

DO $function_grants$
DECLARE
    -- What a reader may call, and what a writer may call besides. By name, because what a name takes may grow.
    readers CONSTANT pg_catalog.text[] := ARRAY[
        'get', 'size', 'apply_operations', 'unapplied_operations',
        'number_at', 'ancestors', 'descendants', 'tree', 'rollup', 'rollup_each',
        'stream_read', 'streams', 'samples', 'contract_violations'
    ];
    writers CONSTANT pg_catalog.text[] := ARRAY[
        'start', 'set_status', 'finish',
        'set', 'del', 'replace', 'merge', 'append', 'remove', 'increment', 'decrement',
        'apply', 'flush', 'fold', 'follow', 'deliver', 'stream_append', 'stream_close'
    ];
    missing pg_catalog.text;
BEGIN
    FOR missing IN
        SELECT pg_catalog.format('GRANT USAGE ON SCHEMA runmeta TO %I', g.role)
        FROM (VALUES ('runmeta_reader'), ('runmeta_writer')) AS g (role)
        WHERE NOT pg_catalog.has_schema_privilege(g.role, 'runmeta', 'USAGE')

        -- Members of the extension only, because anyone's function could have such a name. Its helpers begin with an
        -- underscore: functions call them with their caller's rights, and they give none.
        UNION ALL
        SELECT pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %I', p.oid::pg_catalog.regprocedure, g.role)
        FROM (VALUES
            ('runmeta_reader', readers),
            ('runmeta_writer', readers OPERATOR(pg_catalog.||) writers)
        ) AS g (role, routines)
        CROSS JOIN pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_depend AS d
            ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND d.refobjid OPERATOR(pg_catalog.=) e.oid
            AND d.deptype OPERATOR(pg_catalog.=) 'e'
            AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        JOIN pg_catalog.pg_proc AS p
            ON p.oid OPERATOR(pg_catalog.=) d.objid
        WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'
            AND p.pronamespace OPERATOR(pg_catalog.=) e.extnamespace
            AND (
                p.proname OPERATOR(pg_catalog.=) ANY (g.routines)
                OR pg_catalog.starts_with(p.proname, '_')
            )
            -- A trigger asks for no rights on its function, and by hand there is nothing to call it for.
            AND p.prorettype OPERATOR(pg_catalog.<>) 'pg_catalog.trigger'::pg_catalog.regtype
            AND NOT pg_catalog.has_function_privilege(g.role, p.oid, 'EXECUTE')
    LOOP
        EXECUTE missing;
    END LOOP;
END
$function_grants$;
