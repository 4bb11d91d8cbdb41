-- Who may do what. Looked at by every run of the toolkit and changed only where
-- something is missing, because none of it is safe in a migration that is
-- applied once: roles belong to the whole cluster and are no part of a dump, and
-- what is granted on a function goes with it when the extension is dropped.
--
-- runmeta_reader reads runs, runmeta_writer writes them too, prune() and the
-- history are for the owner alone. A role's privileges are granted one by one
-- rather than by making the writer a member of the reader: that needs the admin
-- option on a role somebody else may have made.

DO $roles$
DECLARE
    role pg_catalog.name;
BEGIN
    FOREACH role IN ARRAY ARRAY['runmeta_reader', 'runmeta_writer'] LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_roles AS r
            WHERE r.rolname OPERATOR(pg_catalog.=) role
        );
        BEGIN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster migrates too, and was first
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING
                    MESSAGE = pg_catalog.format('role "%s" is missing and "%s" may not create roles', role, CURRENT_USER),
                    DETAIL = 'The roles "runmeta_reader" and "runmeta_writer" hold the rights on runs; they belong to the whole cluster.',
                    HINT = 'Have an administrator run: CREATE ROLE runmeta_reader NOLOGIN; CREATE ROLE runmeta_writer NOLOGIN;';
        END;
    END LOOP;
END
$roles$;

DO $grants$
DECLARE
    missing pg_catalog.text;
BEGIN
    FOR missing IN
        SELECT pg_catalog.format('GRANT USAGE ON SCHEMA runmeta TO %I', g.role)
        FROM (VALUES ('runmeta_reader'), ('runmeta_writer')) AS g (role)
        WHERE NOT pg_catalog.has_schema_privilege(g.role, 'runmeta', 'USAGE')

        UNION ALL
        SELECT pg_catalog.format('GRANT %s ON TABLE runmeta.%I TO %I', g.privilege, g.relation, g.role)
        FROM (VALUES
            ('runmeta_reader', 'run',    'SELECT'),
            ('runmeta_writer', 'run',    'SELECT'),
            ('runmeta_writer', 'run',    'INSERT'),
            ('runmeta_writer', 'writer', 'SELECT'),
            ('runmeta_writer', 'writer', 'INSERT'),
            ('runmeta_writer', 'writer', 'UPDATE')
        ) AS g (role, relation, privilege)
        WHERE NOT pg_catalog.has_table_privilege(
            g.role, pg_catalog.format('runmeta.%I', g.relation), g.privilege)

        -- A writer may not move a run to another parent: that is what keeps trees free of cycles.
        UNION ALL
        SELECT pg_catalog.format('GRANT UPDATE (%I) ON TABLE runmeta.run TO runmeta_writer', g.name)
        FROM (VALUES ('status'), ('metadata'), ('version'), ('updated_at'), ('finished_at')) AS g (name)
        WHERE NOT pg_catalog.has_column_privilege('runmeta_writer', 'runmeta.run', g.name, 'UPDATE')

        -- By name, because what a name takes may grow; members of the extension
        -- only, because anyone's function could have such a name. Helpers of the
        -- extension begin with an underscore and have no rights of their own.
        UNION ALL
        SELECT pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %I', p.oid::pg_catalog.regprocedure, g.role)
        FROM (VALUES
            ('runmeta_reader', ARRAY[
                'get', 'size', 'apply_operations', 'unapplied_operations',
                'ancestors', 'descendants', 'tree', 'rollup'
            ]),
            ('runmeta_writer', ARRAY[
                'get', 'size', 'apply_operations', 'unapplied_operations',
                'ancestors', 'descendants', 'tree', 'rollup',
                'start', 'finish', 'set', 'del', 'replace', 'merge', 'append',
                'remove', 'increment', 'decrement', 'apply', 'flush'
            ])
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
            AND (
                p.proname OPERATOR(pg_catalog.=) ANY (g.routines)
                OR pg_catalog.starts_with(p.proname, '_')
            )
            AND NOT pg_catalog.has_function_privilege(g.role, p.oid, 'EXECUTE')

        -- The row types of tables, which everybody may use unless told otherwise.
        UNION ALL
        SELECT pg_catalog.format('REVOKE ALL ON TYPE %s FROM PUBLIC', t.oid::pg_catalog.regtype)
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_type AS t
            ON t.oid OPERATOR(pg_catalog.=) c.reltype
        WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[
                'runmeta.run'::pg_catalog.regclass,
                'runmeta.writer'::pg_catalog.regclass,
                'runmeta.schema_history'::pg_catalog.regclass
            ]::pg_catalog.oid[])
            AND pg_catalog.has_type_privilege('public', t.oid, 'USAGE')
    LOOP
        EXECUTE missing;
    END LOOP;
END
$grants$;
