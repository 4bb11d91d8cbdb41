-- Runs, their streams and their histories in hash partitions by the root of their tree, so many of each as are wanted; with 0, each
-- table becomes one again. Tables that lie on the nodes of a Citus cluster come back from there. Whatever somebody has put on the tables
-- comes along: indexes, triggers, policies, rights. Views and foreign keys that others have on them are an error, and so is a
-- publication that names one.

DO $partition$
DECLARE
    wanted CONSTANT pg_catalog.int4 := 0;
    -- Whether tables that lie on several nodes are to stay there.
    distributed CONSTANT pg_catalog.bool := false;
    partitioned CONSTANT pg_catalog.text[] := ARRAY['run', 'stream', 'stream_chunk', 'history'];
    names pg_catalog.text[];
    elsewhere pg_catalog.text[] := '{}';
    name pg_catalog.text;
    number_of pg_catalog.int4;
    old pg_catalog.oid;
    kept pg_catalog.text;
    options pg_catalog.text;
    part pg_catalog.text;
    restoring pg_catalog.text[];
    statement pg_catalog.text;
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        EXECUTE 'SELECT COALESCE(pg_catalog.array_agg(c.relname::pg_catalog.text ORDER BY c.relname), ''{}'')
            FROM pg_catalog.pg_dist_partition AS p
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) p.logicalrelid::pg_catalog.oid
            WHERE c.relnamespace OPERATOR(pg_catalog.=) ''runmeta''::pg_catalog.regnamespace' INTO elsewhere;
    END IF;
    -- Those that are not yet as they are to be.
    SELECT pg_catalog.array_agg(DISTINCT n.name) INTO names
    FROM pg_catalog.unnest(partitioned OPERATOR(pg_catalog.||) elsewhere) AS n (name)
    WHERE CASE WHEN n.name OPERATOR(pg_catalog.=) ANY (elsewhere) THEN NOT distributed
        ELSE wanted OPERATOR(pg_catalog.<>) (
            SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits AS i
            WHERE i.inhparent OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.format('runmeta.%I', n.name))::pg_catalog.oid
        ) END;
    IF names IS NULL THEN
        RETURN;
    END IF;
    LOCK TABLE runmeta.run, runmeta.stream, runmeta.stream_chunk, runmeta.history IN ACCESS EXCLUSIVE MODE;
    -- Ours, which runmeta migrate makes where they are missing, and so does runmeta distribute.
    DROP VIEW IF EXISTS runmeta.layout, runmeta.progress, runmeta.task_summary, runmeta.task, runmeta.stuck_run, runmeta.live_run,
        runmeta.activity;
    DROP POLICY IF EXISTS of_visible_runs ON runmeta.run_root;
    DROP POLICY IF EXISTS of_visible_runs ON runmeta.unapplied;
    DROP POLICY IF EXISTS of_visible_runs ON runmeta.stream;
    DROP POLICY IF EXISTS of_visible_streams ON runmeta.stream_chunk;
    DROP POLICY IF EXISTS of_visible_runs ON runmeta.history;

    FOREACH name IN ARRAY names LOOP
        SELECT c.oid INTO STRICT old FROM pg_catalog.pg_class AS c
        WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.format('runmeta.%I', name))::pg_catalog.oid;
        number_of := CASE WHEN name OPERATOR(pg_catalog.=) ANY (partitioned) THEN wanted ELSE 0 END;
        IF EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS p WHERE p.prrelid OPERATOR(pg_catalog.=) old) THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('runmeta.%s is in a publication', name),
                HINT = 'Take it out, and put it in again afterwards, with publish_via_partition_root if subscribers have one table.';
        END IF;

        -- Storage parameters are those of the partitions, which all have the same.
        SELECT pg_catalog.string_agg(o.option, ', ') INTO options
        FROM (
            SELECT c.oid, c.reltoastrelid FROM pg_catalog.pg_class AS c
            WHERE c.oid OPERATOR(pg_catalog.=) COALESCE(
                (SELECT pg_catalog.min(i.inhrelid) FROM pg_catalog.pg_inherits AS i WHERE i.inhparent OPERATOR(pg_catalog.=) old), old)
        ) AS s
        CROSS JOIN LATERAL (
            SELECT pg_catalog.unnest(c.reloptions) AS option FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) s.oid
            UNION ALL
            SELECT 'toast.' OPERATOR(pg_catalog.||) pg_catalog.unnest(c.reloptions) FROM pg_catalog.pg_class AS c
            WHERE c.oid OPERATOR(pg_catalog.=) s.reltoastrelid
        ) AS o;
        options := COALESCE('WITH (' OPERATOR(pg_catalog.||) options OPERATOR(pg_catalog.||) ')', '');

        -- Written down before the table gets another name.
        SELECT pg_catalog.array_agg(r.statement ORDER BY r.place, r.position, r.statement USING OPERATOR(pg_catalog.<)) INTO restoring
        FROM (
            SELECT 1 AS place, 0::pg_catalog.int8 AS position, pg_catalog.format('ALTER TABLE runmeta.%I OWNER TO %I', name, o.rolname) AS statement
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) c.relowner
            WHERE c.oid OPERATOR(pg_catalog.=) old
            UNION ALL
            -- What numbers rows goes on behind the last one.
            SELECT 1, 0, pg_catalog.format('SELECT pg_catalog.setval(%L, GREATEST(%L, (SELECT pg_catalog.max(t.%I) FROM runmeta.%I AS t)))',
                pg_catalog.format('runmeta.%I', pg_catalog.format('%s_%s_seq', name, a.attname)),
                pg_catalog.pg_sequence_last_value(pg_catalog.pg_get_serial_sequence(pg_catalog.format('runmeta.%I', name), a.attname)::pg_catalog.regclass),
                a.attname, name)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid OPERATOR(pg_catalog.=) old AND a.attidentity OPERATOR(pg_catalog.<>) ''
            UNION ALL
            SELECT 2, 0, pg_catalog.format('ALTER TABLE runmeta.%I ADD CONSTRAINT %I %s', name, c.conname, pg_catalog.pg_get_constraintdef(c.oid))
            FROM pg_catalog.pg_constraint AS c
            WHERE c.conrelid OPERATOR(pg_catalog.=) old AND c.contype OPERATOR(pg_catalog.=) ANY ('{p,u,x,f}'::pg_catalog."char"[])
            UNION ALL
            SELECT 3, 0, pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
            FROM pg_catalog.pg_index AS i
            WHERE i.indrelid OPERATOR(pg_catalog.=) old AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS c WHERE c.conindid OPERATOR(pg_catalog.=) i.indexrelid)
            UNION ALL
            SELECT 4, 0, pg_catalog.format('COMMENT ON INDEX %s IS %L', i.indexrelid::pg_catalog.regclass, d.description)
            FROM pg_catalog.pg_index AS i
            JOIN pg_catalog.pg_description AS d ON d.objoid OPERATOR(pg_catalog.=) i.indexrelid
                AND d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
            WHERE i.indrelid OPERATOR(pg_catalog.=) old
            UNION ALL
            SELECT 4, 0, pg_catalog.format('COMMENT ON TABLE runmeta.%I IS %L', name, pg_catalog.obj_description(old, 'pg_class'))
            UNION ALL
            SELECT 4, 0, pg_catalog.format('ALTER TABLE runmeta.%I ALTER COLUMN %I SET STATISTICS %s', name, a.attname, a.attstattarget)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid OPERATOR(pg_catalog.=) old AND a.attnum OPERATOR(pg_catalog.>) 0 AND a.attstattarget OPERATOR(pg_catalog.>=) 0
                AND NOT a.attisdropped
            UNION ALL
            SELECT 5, 0, pg_catalog.regexp_replace(pg_catalog.pg_get_triggerdef(t.oid), ' ON ONLY ', ' ON ')
            FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid OPERATOR(pg_catalog.=) old AND NOT t.tgisinternal
            UNION ALL
            SELECT 6, 0, pg_catalog.format('ALTER TABLE runmeta.%I %s TRIGGER %I', name,
                CASE WHEN t.tgenabled OPERATOR(pg_catalog.=) 'D' THEN 'DISABLE' WHEN t.tgenabled OPERATOR(pg_catalog.=) 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, t.tgname)
            FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid OPERATOR(pg_catalog.=) old AND NOT t.tgisinternal AND t.tgenabled OPERATOR(pg_catalog.<>) 'O'
            UNION ALL
            SELECT 7, 0, pg_catalog.format('CREATE POLICY %I ON runmeta.%I AS %s FOR %s TO %s%s%s', p.polname, name,
                CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                CASE WHEN p.polcmd OPERATOR(pg_catalog.=) 'r' THEN 'SELECT' WHEN p.polcmd OPERATOR(pg_catalog.=) 'a' THEN 'INSERT'
                    WHEN p.polcmd OPERATOR(pg_catalog.=) 'w' THEN 'UPDATE' WHEN p.polcmd OPERATOR(pg_catalog.=) 'd' THEN 'DELETE' ELSE 'ALL'
                END,
                COALESCE((SELECT pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ') FROM pg_catalog.pg_roles AS r
                    WHERE r.oid OPERATOR(pg_catalog.=) ANY (p.polroles)), 'PUBLIC'),
                ' USING (' OPERATOR(pg_catalog.||) pg_catalog.pg_get_expr(p.polqual, p.polrelid) OPERATOR(pg_catalog.||) ')',
                ' WITH CHECK (' OPERATOR(pg_catalog.||) pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) OPERATOR(pg_catalog.||) ')')
            FROM pg_catalog.pg_policy AS p WHERE p.polrelid OPERATOR(pg_catalog.=) old
            UNION ALL
            SELECT 8, 0, pg_catalog.format('ALTER TABLE runmeta.%I %s ROW LEVEL SECURITY', name, s.word)
            FROM pg_catalog.pg_class AS c
            CROSS JOIN LATERAL (VALUES ('ENABLE', c.relrowsecurity), ('FORCE', c.relforcerowsecurity)) AS s (word, is_set)
            WHERE c.oid OPERATOR(pg_catalog.=) old AND s.is_set
            UNION ALL
            SELECT 9, g.position, pg_catalog.format('GRANT %s%s ON TABLE runmeta.%I TO %s%s', g.privilege_type, g.columns, name,
                COALESCE(pg_catalog.quote_ident(r.rolname), 'PUBLIC'), CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END)
            FROM (
                SELECT a.grantee, a.privilege_type, '' AS columns, a.is_grantable, c.relowner, a.position
                FROM pg_catalog.pg_class AS c
                CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) WITH ORDINALITY
                    AS a (grantor, grantee, privilege_type, is_grantable, position)
                WHERE c.oid OPERATOR(pg_catalog.=) old
                UNION ALL
                SELECT a.grantee, a.privilege_type, pg_catalog.format(' (%I)', n.attname), a.is_grantable, c.relowner, a.position
                FROM pg_catalog.pg_class AS c
                JOIN pg_catalog.pg_attribute AS n ON n.attrelid OPERATOR(pg_catalog.=) c.oid
                CROSS JOIN LATERAL pg_catalog.aclexplode(n.attacl) WITH ORDINALITY
                    AS a (grantor, grantee, privilege_type, is_grantable, position)
                WHERE c.oid OPERATOR(pg_catalog.=) old
            ) AS g
            LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) g.grantee
            WHERE g.grantee OPERATOR(pg_catalog.<>) g.relowner
        ) AS r;

        kept := name OPERATOR(pg_catalog.||) '_before';
        FOR statement IN
            SELECT pg_catalog.format('ALTER SEQUENCE %s RENAME TO %I',
                pg_catalog.pg_get_serial_sequence(pg_catalog.format('runmeta.%I', name), a.attname),
                pg_catalog.format('%s_%s_seq', kept, a.attname))
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid OPERATOR(pg_catalog.=) old AND a.attidentity OPERATOR(pg_catalog.<>) ''
        LOOP
            EXECUTE statement;
        END LOOP;
        EXECUTE pg_catalog.format('ALTER TABLE runmeta.%I RENAME TO %I', name, kept);
        EXECUTE pg_catalog.format('CREATE TABLE runmeta.%I (LIKE runmeta.%I INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS) %s',
            name, kept, CASE WHEN number_of OPERATOR(pg_catalog.=) 0 THEN options ELSE 'PARTITION BY HASH (root_id)' END);
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE runmeta.%I FROM PUBLIC', name);
        FOR number IN 0..number_of OPERATOR(pg_catalog.-) 1 LOOP
            -- With how many there are, so that others may take their place.
            part := pg_catalog.format('%s_%s_%s', name, number_of, number);
            EXECUTE pg_catalog.format('CREATE TABLE runmeta.%I PARTITION OF runmeta.%I FOR VALUES WITH (MODULUS %s, REMAINDER %s) %s',
                part, name, number_of, number, options);
            EXECUTE pg_catalog.format('REVOKE ALL ON TABLE runmeta.%I FROM PUBLIC', part);
            EXECUTE pg_catalog.format('REVOKE ALL ON TYPE runmeta.%I FROM PUBLIC', part);
            EXECUTE pg_catalog.format('ALTER TABLE runmeta.%I OWNER TO %I', part,
                (SELECT o.rolname FROM pg_catalog.pg_class AS c
                JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) c.relowner WHERE c.oid OPERATOR(pg_catalog.=) old));
        END LOOP;
        EXECUTE pg_catalog.format('INSERT INTO runmeta.%I OVERRIDING SYSTEM VALUE SELECT b.* FROM runmeta.%I AS b', name, kept);
        EXECUTE pg_catalog.format('DROP TABLE runmeta.%I', kept);
        FOREACH statement IN ARRAY restoring LOOP
            EXECUTE statement;
        END LOOP;
    END LOOP;
END
$partition$;
