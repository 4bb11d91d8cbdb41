-- What readers have beside the table of roots, where runs lie in parts. Looked at by every run of the toolkit and made where it is
-- missing: both use columns of runs, so that whoever changes the type of one has to drop them.

DO $layout$
BEGIN
    IF pg_catalog.to_regclass('runmeta.run_root') IS NULL THEN
        RETURN;
    END IF;

    -- Whoever may not see a run does not see here that there is one. The functions read it as its owner, and look for
    -- themselves. OFFSET 0 keeps each look a look-up by index.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('runmeta.run_root')::pg_catalog.oid
            AND p.polname OPERATOR(pg_catalog.=) 'of_visible_runs'
    ) THEN
        CREATE POLICY of_visible_runs ON runmeta.run_root FOR SELECT USING (EXISTS (
            SELECT FROM runmeta.run AS r
            WHERE r.root_id OPERATOR(pg_catalog.=) run_root.root_id AND r.id OPERATOR(pg_catalog.=) run_root.id
            OFFSET 0
        ));
    END IF;

    IF pg_catalog.to_regclass('runmeta.layout') IS NOT NULL THEN
        RETURN;
    END IF;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
            AND t.tgfoid OPERATOR(pg_catalog.=) pg_catalog.to_regproc('pg_catalog.citus_truncate_trigger')::pg_catalog.oid
    ) THEN
        -- On the nodes of a Citus cluster, a view has the rights of whoever reads it. What is read of one table, and the runs or
        -- roots that belong to it, are read one after the other, because they lie in different shards. Of the roots it reads 16
        -- pages of each shard.
        CREATE VIEW runmeta.layout AS
        WITH newest AS MATERIALIZED (
            (SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r
            WHERE r.parent_id IS NULL ORDER BY r.created_at DESC LIMIT 10000)
            UNION
            (SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r
            WHERE r.finished_at IS NULL ORDER BY r.created_at DESC LIMIT 10000)
        ), root_of_newest AS MATERIALIZED (
            SELECT f.root_id, f.id, f.parent_id FROM runmeta.run_root AS f
            WHERE f.id OPERATOR(pg_catalog.=) ANY (SELECT n.id FROM newest AS n)
        ), root_row AS MATERIALIZED (
            SELECT f.root_id, f.id FROM runmeta.run_root AS f WHERE f.ctid OPERATOR(pg_catalog.<) '(16,0)'::pg_catalog.tid
        ), run_of_row AS MATERIALIZED (
            SELECT r.root_id, r.id FROM runmeta.run AS r
            JOIN root_row AS f ON f.root_id OPERATOR(pg_catalog.=) r.root_id AND f.id OPERATOR(pg_catalog.=) r.id
        )
        SELECT
            (SELECT pg_catalog.count(*) FROM newest AS n
            LEFT JOIN root_of_newest AS f ON f.id OPERATOR(pg_catalog.=) n.id AND f.root_id OPERATOR(pg_catalog.=) n.root_id
                AND COALESCE(f.parent_id, '') OPERATOR(pg_catalog.=) COALESCE(n.parent_id, '')
            -- Policies of runs hide all roots.
            WHERE f.id IS NULL AND NOT pg_catalog.row_security_active('runmeta.run'::pg_catalog.text)) AS unregistered,
            (SELECT pg_catalog.count(*) FROM root_row AS f
            LEFT JOIN run_of_row AS r ON r.root_id OPERATOR(pg_catalog.=) f.root_id AND r.id OPERATOR(pg_catalog.=) f.id
            WHERE r.id IS NULL) AS stale;
    ELSE
        -- With the rights of its owner, because the policy hides rows without a run. It shows counts and no ids.
        --
        -- It never reads a whole table: of the runs the newest 10,000 roots and the newest 10,000 that have not finished, by their
        -- indexes, and of the table of roots 128 pages at each end. `runmeta distribute --status` compares everything.
        CREATE VIEW runmeta.layout AS
        WITH newest AS (
            (SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r
            WHERE r.parent_id IS NULL ORDER BY r.created_at DESC LIMIT 10000)
            UNION
            (SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r
            WHERE r.finished_at IS NULL ORDER BY r.created_at DESC LIMIT 10000)
        ), root_row AS (
            SELECT f.root_id, f.id FROM runmeta.run_root AS f
            WHERE f.ctid OPERATOR(pg_catalog.<) '(128,0)'::pg_catalog.tid
            UNION ALL
            SELECT f.root_id, f.id FROM runmeta.run_root AS f
            WHERE f.ctid OPERATOR(pg_catalog.>=) (
                SELECT pg_catalog.format('(%s,0)', GREATEST(s.pages OPERATOR(pg_catalog.-) 128, 128))::pg_catalog.tid
                FROM (
                    SELECT pg_catalog.pg_relation_size('runmeta.run_root'::pg_catalog.regclass)
                        OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8 AS pages
                ) AS s
            )
        )
        SELECT
            (SELECT pg_catalog.count(*) FROM newest AS n WHERE NOT EXISTS (
                SELECT FROM runmeta.run_root AS f
                WHERE f.id OPERATOR(pg_catalog.=) n.id AND f.root_id OPERATOR(pg_catalog.=) n.root_id
                    AND COALESCE(f.parent_id, '') OPERATOR(pg_catalog.=) COALESCE(n.parent_id, '')
                OFFSET 0
            )) AS unregistered,
            (SELECT pg_catalog.count(*) FROM root_row AS f WHERE NOT EXISTS (
                SELECT FROM runmeta.run AS r
                WHERE r.root_id OPERATOR(pg_catalog.=) f.root_id AND r.id OPERATOR(pg_catalog.=) f.id
                OFFSET 0
            )) AS stale;
    END IF;
    COMMENT ON VIEW runmeta.layout IS 'whether the runs and the table of their roots agree, in one row; only where runs lie in parts';
    COMMENT ON COLUMN runmeta.layout.unregistered IS 'runs that are not in runmeta.run_root, among the newest';
    COMMENT ON COLUMN runmeta.layout.stale IS 'rows of runmeta.run_root without a run, among the first and the last';
    REVOKE ALL ON TABLE runmeta.layout FROM PUBLIC;
END
$layout$;
