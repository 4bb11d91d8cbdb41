-- Whether the tables can be distributed over the nodes of a Citus cluster. Changes nothing: each thing that is in the way is an error
-- that says what to do.

DO $citus_check$
DECLARE
    distributed CONSTANT pg_catalog.text[] := ARRAY[
        'run', 'run_root', 'stream', 'stream_chunk', 'history', 'writer', 'tracked', 'task_setting', 'contract'
    ];
    install CONSTANT pg_catalog.text := 'On that machine, in a clone of runmeta, run: make install PG_CONFIG=/path/to/bin/pg_config.';
    me CONSTANT pg_catalog.name := CURRENT_USER;
    found pg_catalog.text;
    version pg_catalog.text;
    roles pg_catalog.text[];
    role pg_catalog.text;
    node record;
BEGIN
    SELECT e.extversion INTO version FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'citus';
    IF version IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'the extension "citus" is not in this database',
            DETAIL = 'Citus is what lays tables over several servers.',
            HINT = 'Install Citus on each server, and run CREATE EXTENSION citus in this database on each. Then, on the coordinator, '
                'call citus_set_coordinator_host, and citus_add_node for each of the others.';
    END IF;
    IF pg_catalog.split_part(version, '.', 1)::pg_catalog.int4 OPERATOR(pg_catalog.<) 13 THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('Citus %s is too old', version),
            HINT = 'Use Citus 13 or newer.';
    END IF;
    IF NOT pg_catalog.citus_is_coordinator() THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'this server is not the coordinator of the cluster, or has no nodes',
            HINT = 'Connect to the coordinator. On one that is new, call citus_set_coordinator_host, and citus_add_node for each of the others.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_dist_node AS n WHERE n.groupid OPERATOR(pg_catalog.=) 0) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'the coordinator is not among the nodes of the cluster',
            DETAIL = 'The settings of tasks, which each node has, are joined with runs on the coordinator too.',
            HINT = 'Run: SELECT citus_set_coordinator_host(''its name'').';
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_dist_node AS n WHERE n.noderole OPERATOR(pg_catalog.=) 'primary' AND n.isactive AND n.shouldhaveshards
    ) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'no node of the cluster is to have data',
            HINT = 'Add one: SELECT citus_add_node(''its name'', 5432).';
    END IF;

    -- Citus connects to the other nodes as the role that runs the statement.
    SELECT o.rolname INTO found FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) c.relowner
    WHERE c.oid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass::pg_catalog.oid AND NOT o.rolcanlogin;
    IF found IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('the owner of the tables, "%s", may not log in', found),
            DETAIL = 'Citus connects to the nodes as the role that runs the statement, and the owner deletes old runs.',
            HINT = pg_catalog.format('Run: ALTER ROLE %I LOGIN. Without a password, it can still not log in from elsewhere.', found);
    END IF;

    -- Each node is reached, can commit together with the others, and has the library.
    SELECT e.extversion INTO version FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta';
    FOR node IN
        SELECT pg_catalog.format('%s:%s', n.nodename, n.nodeport) AS name, c.success, c.result
        FROM pg_catalog.run_command_on_all_nodes($node$
            SELECT pg_catalog.jsonb_build_object(
                'prepared', pg_catalog.current_setting('max_prepared_transactions'),
                'available', (SELECT a.default_version FROM pg_catalog.pg_available_extensions AS a
                    WHERE a.name OPERATOR(pg_catalog.=) 'runmeta'),
                'installed', (SELECT e.extversion FROM pg_catalog.pg_extension AS e
                    WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'),
                'encoding', pg_catalog.current_setting('server_encoding'))
        $node$) AS c
        JOIN pg_catalog.pg_dist_node AS n ON n.nodeid OPERATOR(pg_catalog.=) c.nodeid
        ORDER BY n.nodeid
    LOOP
        IF NOT node.success THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('node %s cannot be asked', node.name),
                DETAIL = node.result,
                HINT = pg_catalog.format('The role "%s" has to reach each node, in a database of the same name.', CURRENT_USER);
        END IF;
        IF node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'prepared' OPERATOR(pg_catalog.=) '0' THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('node %s takes no prepared transactions', node.name),
                DETAIL = 'Citus commits on several nodes with them.',
                HINT = 'Set max_prepared_transactions there, to no less than max_connections, and restart it.';
        END IF;
        IF COALESCE(node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'installed',
                node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'available') IS NULL THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('the extension "runmeta" is not installed on node %s', node.name),
                HINT = install;
        END IF;
        IF version OPERATOR(pg_catalog.<>) COALESCE(node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'installed',
                node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'available') THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('node %s has another version of the extension "runmeta"', node.name),
                DETAIL = pg_catalog.format('It has %s, and this database %s.', COALESCE(
                    node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'installed',
                    node.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'available'), version),
                HINT = install OPERATOR(pg_catalog.||) ' Then run ALTER EXTENSION runmeta UPDATE there.';
        END IF;
    END LOOP;

    SELECT pg_catalog.array_agg(r.rolname::pg_catalog.text ORDER BY r.rolname USING OPERATOR(pg_catalog.<)) INTO roles
    FROM pg_catalog.pg_roles AS r
    WHERE NOT r.rolsuper AND r.rolcanlogin
        AND (r.oid OPERATOR(pg_catalog.=) (
                SELECT c.relowner FROM pg_catalog.pg_class AS c
                WHERE c.oid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass::pg_catalog.oid)
            OR pg_catalog.pg_has_role(r.oid, 'runmeta_reader', 'MEMBER') OR pg_catalog.pg_has_role(r.oid, 'runmeta_writer', 'MEMBER'));
    FOR node IN
        SELECT pg_catalog.format('%s:%s', c.nodename, c.nodeport) AS name, c.nodename, c.nodeport, c.result
        FROM pg_catalog.run_command_on_workers(pg_catalog.format($node$
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n.name), ', ')
            FROM pg_catalog.unnest(%L::pg_catalog.text[]) AS n (name)
            WHERE NOT EXISTS (
                SELECT FROM pg_catalog.pg_roles AS r
                WHERE r.rolname OPERATOR(pg_catalog.=) n.name::pg_catalog.name AND r.rolcanlogin)
        $node$, COALESCE(roles, '{}'))) AS c
    LOOP
        IF node.result OPERATOR(pg_catalog.<>) '' THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('roles are missing on node %s or may not log in there', node.name),
                DETAIL = pg_catalog.format('Citus connects to the nodes as the role that runs the statement. Among them: %s.', node.result),
                HINT = 'On that node, run for each: CREATE ROLE … LOGIN, or ALTER ROLE … LOGIN.';
        END IF;
        -- A superuser can try it in their names.
        CONTINUE WHEN NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) me);
        FOREACH role IN ARRAY COALESCE(roles, '{}') LOOP
            CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) role::pg_catalog.name);
            EXECUTE pg_catalog.format('SET LOCAL ROLE %I', role);
            IF NOT pg_catalog.citus_check_connection_to_node(node.nodename, node.nodeport) THEN
                RAISE object_not_in_prerequisite_state USING
                    MESSAGE = pg_catalog.format('the role "%s" does not reach node %s', role, node.name),
                    DETAIL = 'Citus connects to the nodes as the role that runs the statement.',
                    HINT = 'Let it in by pg_hba.conf of that node, with its password in pg_dist_authinfo or .pgpass on the coordinator if it asks for one.';
            END IF;
            EXECUTE pg_catalog.format('SET LOCAL ROLE %I', me);
        END LOOP;
    END LOOP;

    -- Distributed tables take no triggers.
    IF EXISTS (SELECT FROM runmeta.contract) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'tasks have contracts',
            DETAIL = 'A trigger checks documents against them, and Citus takes none on distributed tables.',
            HINT = 'Take back each: SELECT runmeta.contract(task, NULL) FROM runmeta.contract.';
    END IF;
    IF EXISTS (SELECT FROM runmeta.tracked) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'numbers are tracked',
            DETAIL = 'A trigger keeps their histories, and Citus takes none on distributed tables.',
            HINT = 'Stop each: SELECT runmeta.untrack(task, key) FROM runmeta.tracked.';
    END IF;

    SELECT pg_catalog.string_agg(o.object, ', ' ORDER BY o.object USING OPERATOR(pg_catalog.<)) INTO found
    FROM pg_catalog.pg_class AS c
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_describe_object('pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 0) AS object
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid OPERATOR(pg_catalog.=) c.oid AND NOT t.tgisinternal AND t.tgname OPERATOR(pg_catalog.<>) ALL ('{zz_contract,keep_histories}')
        UNION ALL
        SELECT pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass, f.oid, 0) FROM pg_catalog.pg_constraint AS f
        WHERE f.contype OPERATOR(pg_catalog.=) 'f' AND c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[f.conrelid, f.confrelid])
        UNION ALL
        SELECT pg_catalog.pg_describe_object('pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 0) FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid OPERATOR(pg_catalog.=) c.oid AND p.polname OPERATOR(pg_catalog.<>) ALL ('{of_visible_runs,of_visible_streams}')
            AND pg_catalog.concat(p.polqual, p.polwithcheck) OPERATOR(pg_catalog.~~) '%{SUBLINK%'
        UNION ALL
        SELECT pg_catalog.pg_describe_object('pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid, 0) FROM pg_catalog.pg_rewrite AS r
        WHERE r.ev_class OPERATOR(pg_catalog.=) c.oid
        UNION ALL
        SELECT pg_catalog.pg_describe_object('pg_catalog.pg_publication_rel'::pg_catalog.regclass, p.oid, 0)
        FROM pg_catalog.pg_publication_rel AS p WHERE p.prrelid OPERATOR(pg_catalog.=) c.oid
        UNION ALL
        SELECT pg_catalog.format('unique index %s without root_id', i.indexrelid::pg_catalog.regclass)
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisunique
            AND c.relname OPERATOR(pg_catalog.=) ANY ('{run,stream,stream_chunk,history}')
            AND (pg_catalog.to_regclass('runmeta.run_id_key') OPERATOR(pg_catalog.=) i.indexrelid::pg_catalog.regclass) IS NOT TRUE
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attname OPERATOR(pg_catalog.=) 'root_id'
                    AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey))
        UNION ALL
        SELECT DISTINCT pg_catalog.format('grant to %s on columns of table %s', COALESCE(pg_catalog.quote_ident(r.rolname), 'PUBLIC'), c.oid::pg_catalog.regclass)
        FROM pg_catalog.pg_attribute AS a
        CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) g.grantee
        WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
            AND NOT (c.relname OPERATOR(pg_catalog.=) 'run' AND COALESCE(r.rolname, '') OPERATOR(pg_catalog.=) 'runmeta_writer' AND g.privilege_type OPERATOR(pg_catalog.=) 'UPDATE'
                AND NOT g.is_grantable AND a.attname OPERATOR(pg_catalog.=) ANY (
                    '{status,attempt,metadata,version,started_at,updated_at,finished_at,size_bound}'))
    ) AS o
    WHERE c.relnamespace OPERATOR(pg_catalog.=) 'runmeta'::pg_catalog.regnamespace AND c.relname OPERATOR(pg_catalog.=) ANY (distributed);
    IF found IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'objects of yours are in the way',
            DETAIL = pg_catalog.format('Citus does not take them on distributed tables: %s.', found),
            HINT = 'Drop or revoke them before. A policy may not have a subquery, and a unique index has to include root_id.';
    END IF;
END
$citus_check$;
