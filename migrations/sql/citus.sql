-- Runs over the nodes of a Citus cluster, by the root of their tree. What is distributed already is left as it is. The layout was
-- split before: see split.sql.

DO $citus$
DECLARE
    wanted CONSTANT pg_catalog.int4 := 0;
    shards pg_catalog.int4 := wanted;
    present pg_catalog.int4;
    is_new pg_catalog.bool;
    statement pg_catalog.text;
    part record;
BEGIN
    SELECT pg_catalog.count(*)::pg_catalog.int4 INTO present FROM pg_catalog.pg_dist_shard AS s
    WHERE s.logicalrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass;
    IF present OPERATOR(pg_catalog.>) 0 AND wanted OPERATOR(pg_catalog.<>) ALL (ARRAY[0, present]) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('the tables have %s shards already', present),
            HINT = 'To have another number of them, run runmeta distribute --undo before.';
    END IF;
    IF shards OPERATOR(pg_catalog.=) 0 THEN
        shards := pg_catalog.current_setting('citus.shard_count')::pg_catalog.int4;
    END IF;
    -- Tables that follow others in one transaction are made over one connection a node.
    PERFORM pg_catalog.set_config('citus.multi_shard_modify_mode', 'sequential', true);

    is_new := present OPERATOR(pg_catalog.=) 0;
    IF is_new THEN
        LOCK TABLE runmeta.run, runmeta.stream, runmeta.stream_chunk, runmeta.history, runmeta.writer IN ACCESS EXCLUSIVE MODE;
        -- On several nodes nothing waits in the inbox, which stays on this one.
        LOOP
            EXIT WHEN runmeta.fold() OPERATOR(pg_catalog.=) 0;
        END LOOP;
        -- Ours, which runmeta distribute makes again: so they come to be on every node.
        DROP VIEW IF EXISTS runmeta.layout, runmeta.progress, runmeta.task_summary, runmeta.task, runmeta.stuck_run, runmeta.live_run,
            runmeta.activity;
        -- Citus takes no policies with subqueries on distributed tables, and no grants on columns, which it cannot take back either.
        DROP POLICY IF EXISTS of_visible_runs ON runmeta.run_root;
        DROP POLICY IF EXISTS of_visible_runs ON runmeta.unapplied;
        DROP POLICY IF EXISTS of_visible_runs ON runmeta.stream;
        DROP POLICY IF EXISTS of_visible_streams ON runmeta.stream_chunk;
        DROP POLICY IF EXISTS of_visible_runs ON runmeta.history;
        REVOKE UPDATE ON TABLE runmeta.run FROM runmeta_writer;
    END IF;

    FOR part IN
        SELECT t.name, t.distributed_by, t.beside FROM (VALUES
            (1, 'run', 'root_id', 'none'),
            -- The row of a root lies in the shard of that tree.
            (2, 'run_root', 'id', 'runmeta.run'),
            (3, 'stream', 'root_id', 'runmeta.run'),
            (4, 'stream_chunk', 'root_id', 'runmeta.run'),
            (5, 'history', 'root_id', 'runmeta.run'),
            -- Never a table of one node: Citus would commit the others before it, and a crash in between would apply a batch twice.
            (6, 'writer', 'id', 'none'),
            -- Few rows, which each node has.
            (7, 'tracked', NULL, NULL),
            (8, 'task_setting', NULL, NULL),
            (9, 'contract', NULL, NULL)
        ) AS t (place, name, distributed_by, beside)
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_dist_partition AS p
            WHERE p.logicalrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.format('runmeta.%I', t.name))
        )
        ORDER BY t.place
    LOOP
        IF part.distributed_by IS NULL THEN
            PERFORM pg_catalog.create_reference_table(pg_catalog.format('runmeta.%I', part.name)::pg_catalog.regclass);
        ELSIF part.beside OPERATOR(pg_catalog.=) 'none' THEN
            PERFORM pg_catalog.create_distributed_table(pg_catalog.format('runmeta.%I', part.name)::pg_catalog.regclass, part.distributed_by,
                colocate_with => part.beside, shard_count => shards);
        ELSE
            PERFORM pg_catalog.create_distributed_table(pg_catalog.format('runmeta.%I', part.name)::pg_catalog.regclass, part.distributed_by,
                colocate_with => part.beside);
        END IF;
        -- The rows are on the nodes now, and those of this one would stay, hidden.
        PERFORM pg_catalog.truncate_local_data_after_distributing_table(pg_catalog.format('runmeta.%I', part.name)::pg_catalog.regclass);
    END LOOP;
    IF NOT is_new THEN
        RETURN;
    END IF;

    -- Citus takes along all options but those of the pieces of large values.
    FOR statement IN
        SELECT pg_catalog.format('ALTER TABLE %s SET (%s)', p.logicalrelid,
            pg_catalog.string_agg('toast.' OPERATOR(pg_catalog.||) o.option, ', '))
        FROM pg_catalog.pg_dist_partition AS p
        JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) p.logicalrelid::pg_catalog.oid
        JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) c.reltoastrelid
        CROSS JOIN LATERAL pg_catalog.unnest(t.reloptions) AS o (option)
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'runmeta'::pg_catalog.regnamespace
        GROUP BY p.logicalrelid
    LOOP
        EXECUTE statement;
    END LOOP;
    -- Citus refuses statements of two roles on one shard in one transaction, so that the functions write nothing in the name of the owner.
    GRANT UPDATE ON TABLE runmeta.run TO runmeta_writer;
    GRANT INSERT ON TABLE runmeta.run_root, runmeta.stream_chunk TO runmeta_writer;
    GRANT INSERT, UPDATE ON TABLE runmeta.stream TO runmeta_writer;
    -- To whom policies of runs apply, nothing is shown instead of what belongs to visible runs. On a node, the name is that of the
    -- distributed table, which has the settings of this one.
    CREATE POLICY of_visible_runs ON runmeta.run_root USING (NOT pg_catalog.row_security_active('runmeta.run'::pg_catalog.text));
    CREATE POLICY of_visible_runs ON runmeta.stream USING (NOT pg_catalog.row_security_active('runmeta.run'::pg_catalog.text));
    CREATE POLICY of_visible_streams ON runmeta.stream_chunk USING (NOT pg_catalog.row_security_active('runmeta.run'::pg_catalog.text));
    CREATE POLICY of_visible_runs ON runmeta.history USING (NOT pg_catalog.row_security_active('runmeta.run'::pg_catalog.text));
    CREATE POLICY of_visible_runs ON runmeta.unapplied USING (NOT pg_catalog.row_security_active('runmeta.run'::pg_catalog.text));
END
$citus$;
