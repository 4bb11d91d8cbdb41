-- Who may do what. Looked at by every run of the toolkit and changed only where
-- something is missing, because none of it is safe in a migration that is
-- applied once: roles belong to the whole cluster and are no part of a dump, and
-- what is granted on a function goes with it when the extension is dropped.
--
-- runmeta_reader reads runs, runmeta_writer writes them too, prune(), prune_streams(),
-- track(), untrack() and the history of the schema are for the owner alone. A role's privileges are granted one by one
-- rather than by making the writer a member of the reader: that needs the admin
-- option on a role somebody else may have made.

DO $roles$
DECLARE
    role pg_catalog.name;
    attributes pg_catalog.text;
    members pg_catalog.text;
BEGIN
    FOREACH role IN ARRAY ARRAY['runmeta_reader', 'runmeta_writer'] LOOP
        -- A role that has rights here already stays as it is, whatever an administrator has made of it since.
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_namespace AS n
            CROSS JOIN pg_catalog.aclexplode(n.nspacl) AS a
            JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.grantee
            WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta'
                AND r.rolname OPERATOR(pg_catalog.=) role
        );
        BEGIN
            IF NOT EXISTS (
                SELECT FROM pg_catalog.pg_roles AS r
                WHERE r.rolname OPERATOR(pg_catalog.=) role
            ) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
                CONTINUE;
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster migrates too, and was first
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING
                    MESSAGE = pg_catalog.format('role "%s" is missing and "%s" may not create roles', role, CURRENT_USER),
                    DETAIL = 'The roles "runmeta_reader" and "runmeta_writer" hold the rights on runs; they belong to the whole cluster.',
                    HINT = pg_catalog.format(
                        'Have an administrator run: CREATE ROLE runmeta_reader NOLOGIN; CREATE ROLE runmeta_writer NOLOGIN; '
                        'GRANT runmeta_reader, runmeta_writer TO %I WITH ADMIN OPTION;', CURRENT_USER);
        END;

        -- Anyone with CREATEROLE in this cluster, for instance for the sake of another database, could have made the role
        -- first, to log in with it here. And what a superuser may do is no grant that could be given on.
        SELECT pg_catalog.concat_ws(', ',
            CASE WHEN r.rolcanlogin THEN 'LOGIN' END,
            CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
            CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
            CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
            CASE WHEN r.rolreplication THEN 'REPLICATION' END,
            CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END)
        INTO attributes
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolname OPERATOR(pg_catalog.=) role;
        IF attributes OPERATOR(pg_catalog.<>) '' THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('role "%s" exists with %s', role, attributes),
                DETAIL = 'Whoever made it may not be whom the runs of this database are for. The role is to hold rights, and nothing else.',
                HINT = pg_catalog.format(
                    'Find out who made it. Then drop it, or have an administrator run: ALTER ROLE %I '
                    'NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS; '
                    'Applications log in as roles of their own, to which it is granted.', role);
        END IF;

        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(m.rolname), ', ' ORDER BY m.rolname USING OPERATOR(pg_catalog.<))
        INTO members
        FROM pg_catalog.pg_auth_members AS a
        JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.roleid
        JOIN pg_catalog.pg_roles AS m ON m.oid OPERATOR(pg_catalog.=) a.member
        WHERE r.rolname OPERATOR(pg_catalog.=) role
            AND m.rolname OPERATOR(pg_catalog.<>) CURRENT_USER
            AND NOT m.rolsuper;
        IF members IS NOT NULL THEN
            RAISE NOTICE 'role "%" exists, and its members have its rights in this database too: %', role, members;
        END IF;
    END LOOP;
END
$roles$;

DO $grants$
DECLARE
    missing pg_catalog.text;
BEGIN
    FOR missing IN
        SELECT pg_catalog.format('GRANT %s ON TABLE runmeta.%I TO %I', g.privilege, g.relation, g.role)
        FROM (VALUES
            ('runmeta_reader', 'run',    'SELECT'),
            ('runmeta_reader', 'live_run', 'SELECT'),
            ('runmeta_reader', 'unapplied', 'SELECT'),
            ('runmeta_reader', 'stream', 'SELECT'),
            ('runmeta_reader', 'stream_chunk', 'SELECT'),
            ('runmeta_writer', 'stream', 'SELECT'),
            ('runmeta_writer', 'stream_chunk', 'SELECT'),
            ('runmeta_reader', 'tracked', 'SELECT'),
            ('runmeta_writer', 'tracked', 'SELECT'),
            ('runmeta_reader', 'history', 'SELECT'),
            ('runmeta_writer', 'history', 'SELECT'),
            ('runmeta_writer', 'live_run', 'SELECT'),
            ('runmeta_reader', 'task_setting', 'SELECT'),
            ('runmeta_writer', 'task_setting', 'SELECT'),
            ('runmeta_reader', 'contract', 'SELECT'),
            ('runmeta_writer', 'contract', 'SELECT'),
            ('runmeta_reader', 'task', 'SELECT'),
            ('runmeta_writer', 'task', 'SELECT'),
            ('runmeta_reader', 'progress', 'SELECT'),
            ('runmeta_writer', 'progress', 'SELECT'),
            ('runmeta_reader', 'task_summary', 'SELECT'),
            ('runmeta_writer', 'task_summary', 'SELECT'),
            ('runmeta_reader', 'stuck_run', 'SELECT'),
            ('runmeta_writer', 'stuck_run', 'SELECT'),
            ('runmeta_reader', 'activity', 'SELECT'),
            ('runmeta_writer', 'activity', 'SELECT'),
            ('runmeta_writer', 'unapplied', 'SELECT'),
            ('runmeta_writer', 'run',    'SELECT'),
            ('runmeta_writer', 'run',    'INSERT'),
            ('runmeta_writer', 'writer', 'SELECT'),
            ('runmeta_writer', 'writer', 'INSERT'),
            ('runmeta_writer', 'writer', 'UPDATE'),
            ('runmeta_reader', 'adapter', 'SELECT'),
            ('runmeta_writer', 'adapter', 'SELECT')
        ) AS g (role, relation, privilege)
        WHERE NOT pg_catalog.has_table_privilege(
            g.role, pg_catalog.format('runmeta.%I', g.relation), g.privilege)

        -- They are there where the layout is split. Nobody but the owner writes the roots: the functions do so in his name.
        UNION ALL
        SELECT pg_catalog.format('GRANT SELECT ON TABLE %s TO %I', c.relation::pg_catalog.regclass, g.role)
        FROM (VALUES ('runmeta_reader'), ('runmeta_writer')) AS g (role)
        CROSS JOIN pg_catalog.unnest(ARRAY[pg_catalog.to_regclass('runmeta.run_root'), pg_catalog.to_regclass('runmeta.layout')]) AS c (relation)
        WHERE pg_catalog.has_table_privilege(g.role, c.relation::pg_catalog.oid, 'SELECT') IS FALSE

        -- A writer may not move a run to another parent: that is what keeps trees free of cycles.
        UNION ALL
        SELECT pg_catalog.format('GRANT UPDATE (%I) ON TABLE runmeta.run TO runmeta_writer', g.name)
        FROM (VALUES
            ('status'), ('attempt'), ('metadata'), ('version'), ('started_at'), ('updated_at'), ('finished_at'),
            ('size_bound')
        ) AS g (name)
        WHERE NOT pg_catalog.has_column_privilege('runmeta_writer', 'runmeta.run', g.name, 'UPDATE')

        -- The triggers of an adapter run with the rights of whoever changes a job. That role fills in everything but who it
        -- is, and reads nothing of what others have recorded.
        UNION ALL
        SELECT pg_catalog.format('GRANT INSERT (%I) ON TABLE runmeta.%I TO runmeta_writer', g.name, g.relation)
        FROM (VALUES
            ('transition', 'run_id'), ('transition', 'adapter'), ('transition', 'status'), ('transition', 'is_deleted'),
            ('transition', 'attempt'), ('transition', 'error'), ('transition', 'task'), ('transition', 'parent_id'),
            ('transition', 'created_at'), ('transition', 'started_at'), ('transition', 'finished_at'),
            ('adapter_failure', 'adapter'), ('adapter_failure', 'operation'), ('adapter_failure', 'jobs'),
            ('adapter_failure', 'sqlstate'), ('adapter_failure', 'message')
        ) AS g (relation, name)
        WHERE NOT pg_catalog.has_column_privilege(
            'runmeta_writer', pg_catalog.format('runmeta.%I', g.relation), g.name, 'INSERT')

        -- The row types of tables, which everybody may use unless told otherwise.
        UNION ALL
        SELECT pg_catalog.format('REVOKE ALL ON TYPE %s FROM PUBLIC', t.oid::pg_catalog.regtype)
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_type AS t
            ON t.oid OPERATOR(pg_catalog.=) c.reltype
        WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[
                'runmeta.run'::pg_catalog.regclass,
                pg_catalog.to_regclass('runmeta.run_root'),
                pg_catalog.to_regclass('runmeta.layout'),
                'runmeta.writer'::pg_catalog.regclass,
                'runmeta.inbox'::pg_catalog.regclass,
                'runmeta.unapplied'::pg_catalog.regclass,
                'runmeta.stream'::pg_catalog.regclass,
                'runmeta.stream_chunk'::pg_catalog.regclass,
                'runmeta.tracked'::pg_catalog.regclass,
                'runmeta.history'::pg_catalog.regclass,
                'runmeta.outbox'::pg_catalog.regclass,
                'runmeta.adapter'::pg_catalog.regclass,
                'runmeta.transition'::pg_catalog.regclass,
                'runmeta.adapter_failure'::pg_catalog.regclass,
                'runmeta.live_run'::pg_catalog.regclass,
                'runmeta.task_setting'::pg_catalog.regclass,
                'runmeta.contract'::pg_catalog.regclass,
                'runmeta.task'::pg_catalog.regclass,
                'runmeta.progress'::pg_catalog.regclass,
                'runmeta.task_summary'::pg_catalog.regclass,
                'runmeta.stuck_run'::pg_catalog.regclass,
                'runmeta.activity'::pg_catalog.regclass,
                'runmeta.schema_history'::pg_catalog.regclass
            ]::pg_catalog.oid[])
            AND pg_catalog.has_type_privilege('public', t.oid, 'USAGE')
    LOOP
        EXECUTE missing;
    END LOOP;
END
$grants$;
