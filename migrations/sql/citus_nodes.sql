-- What the nodes of a Citus cluster need before tables are distributed over them, made where it is missing: the extension, the roles with
-- their members, what these may call, and a setting of functions. It gives no more than this database does. Each node commits by itself.

DO $citus_nodes$
DECLARE
    -- Functions that read runs may be called with each row of a query on runs, and then read from the node that has that run. Citus
    -- allows it by a setting, which it does not have everybody use: what the transaction itself has changed is not seen there. The
    -- functions of a trusted extension belong to a superuser, and only a superuser can have them set it.
    nested CONSTANT pg_catalog.text := $node$
        DO $settings$
        DECLARE
            reading pg_catalog.regprocedure;
        BEGIN
            PERFORM pg_catalog.set_config('citus.enable_ddl_propagation', 'off', true);
            FOR reading IN
                SELECT p.oid FROM pg_catalog.pg_proc AS p
                JOIN pg_catalog.pg_language AS l ON l.oid OPERATOR(pg_catalog.=) p.prolang
                WHERE p.pronamespace OPERATOR(pg_catalog.=) 'runmeta'::pg_catalog.regnamespace
                    AND l.lanname OPERATOR(pg_catalog.=) 'plpgsql' AND p.provolatile OPERATOR(pg_catalog.=) 's'
                    AND p.proname OPERATOR(pg_catalog.=) ANY (ARRAY['get', 'ancestors', 'descendants', 'tree', 'rollup_each',
                        'stream_read', 'streams', 'samples', '_family', '_rollup_of']::pg_catalog.name[])
                    AND pg_catalog.pg_has_role(p.proowner, 'USAGE')
                    AND COALESCE('citus.allow_nested_distributed_execution=on' OPERATOR(pg_catalog.<>) ALL (p.proconfig), true)
            LOOP
                EXECUTE pg_catalog.format('ALTER FUNCTION %s SET citus.allow_nested_distributed_execution TO on', reading);
            END LOOP;
        END
        $settings$
    $node$;
    members pg_catalog.text[];
    step pg_catalog.text;
    node record;
BEGIN
    SELECT pg_catalog.array_agg(pg_catalog.format('%I TO %I', r.rolname, m.rolname)) INTO members
    FROM pg_catalog.pg_auth_members AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.roleid
    JOIN pg_catalog.pg_roles AS m ON m.oid OPERATOR(pg_catalog.=) a.member
    WHERE r.rolname OPERATOR(pg_catalog.=) ANY ('{runmeta_reader,runmeta_writer}'::pg_catalog.name[]);

    FOREACH step IN ARRAY ARRAY[
        pg_catalog.replace($node$
            DO $make$
            DECLARE
                role pg_catalog.name;
                given pg_catalog.text;
            BEGIN
                -- Citus refuses to have such statements done everywhere from here.
                PERFORM pg_catalog.set_config('citus.enable_ddl_propagation', 'off', true);
                IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta') THEN
                    CREATE EXTENSION runmeta;
                END IF;
                FOREACH role IN ARRAY ARRAY['runmeta_reader', 'runmeta_writer'] LOOP
                    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) role) THEN
                        EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
                    END IF;
                END LOOP;
                FOREACH given IN ARRAY $members$ LOOP
                    CONTINUE WHEN EXISTS (
                        SELECT FROM pg_catalog.pg_auth_members AS a
                        JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.roleid
                        JOIN pg_catalog.pg_roles AS m ON m.oid OPERATOR(pg_catalog.=) a.member
                        WHERE pg_catalog.format('%I TO %I', r.rolname, m.rolname) OPERATOR(pg_catalog.=) given
                    );
                    EXECUTE 'GRANT ' OPERATOR(pg_catalog.||) given;
                END LOOP;
            END
            $make$
        $node$, '$members$', pg_catalog.format('%L::pg_catalog.text[]', COALESCE(members, '{}'))),
        $node$
$function_grants$
        $node$,
        nested
    ] LOOP
        FOR node IN
            SELECT pg_catalog.format('%s:%s', d.nodename, d.nodeport) AS name, n.success, n.result
            FROM pg_catalog.run_command_on_all_nodes(step) AS n
            JOIN pg_catalog.pg_dist_node AS d ON d.nodeid OPERATOR(pg_catalog.=) n.nodeid
        LOOP
            IF NOT node.success THEN
                RAISE object_not_in_prerequisite_state USING
                    MESSAGE = pg_catalog.format('node %s could not be prepared', node.name),
                    DETAIL = node.result,
                    HINT = 'Do there what is missing, or run this as a superuser.';
            END IF;
        END LOOP;
    END LOOP;
END
$citus_nodes$;
