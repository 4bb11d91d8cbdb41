-- The split layout: runs are found through a table of their roots, which keeps ids unique, and every other statement has the root.
-- Looked at by every run of `runmeta distribute` and made where it is missing. A table that is there is made to agree with the runs:
-- somebody may have inserted or deleted some by hand.

DO $split$
BEGIN
    -- Waits for transactions that have written runs, and others wait for this one: none starts a run that would be missing here.
    LOCK TABLE runmeta.run IN ACCESS EXCLUSIVE MODE;

    IF pg_catalog.to_regclass('runmeta.run_root') IS NULL THEN
        CREATE TABLE runmeta.run_root (
            id        pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
            root_id   pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
            parent_id pg_catalog.text COLLATE pg_catalog."C",

            CONSTRAINT run_root_pkey PRIMARY KEY (id)
        )
        WITH (
            -- Rows are inserted and never changed, so that vacuum comes for those that prune deletes.
            autovacuum_vacuum_scale_factor = 0.05,
            autovacuum_analyze_scale_factor = 0.5
        );
        COMMENT ON TABLE runmeta.run_root IS 'roots and parents of runs by their ids, where runs lie in parts';
        COMMENT ON COLUMN runmeta.run_root.id IS 'id of the run';
        COMMENT ON COLUMN runmeta.run_root.root_id IS 'first run of the tree, the run itself if it has no parent';
        COMMENT ON COLUMN runmeta.run_root.parent_id IS 'run that started this one';
        REVOKE ALL ON TABLE runmeta.run_root FROM PUBLIC;
        ALTER TABLE runmeta.run_root ENABLE ROW LEVEL SECURITY;
    END IF;

    -- Citus joins what lies in different shards only after it has read both.
    WITH r AS MATERIALIZED (
        SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r
    ), stale AS MATERIALIZED (
        SELECT f.id FROM (SELECT f.root_id, f.id, f.parent_id FROM runmeta.run_root AS f OFFSET 0) AS f
        LEFT JOIN r ON r.root_id OPERATOR(pg_catalog.=) f.root_id AND r.id OPERATOR(pg_catalog.=) f.id
            AND COALESCE(r.parent_id, '') OPERATOR(pg_catalog.=) COALESCE(f.parent_id, '')
        WHERE r.id IS NULL
    )
    DELETE FROM runmeta.run_root AS f
    WHERE f.id OPERATOR(pg_catalog.=) ANY (SELECT s.id FROM stale AS s);
    -- Not ON CONFLICT: two runs of one id, which somebody has inserted by hand, are an error.
    WITH f AS MATERIALIZED (
        SELECT f.root_id, f.id FROM runmeta.run_root AS f
    ), r AS MATERIALIZED (
        SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r
    )
    INSERT INTO runmeta.run_root (id, root_id, parent_id)
    SELECT r.id, r.root_id, r.parent_id
    FROM r
    LEFT JOIN f ON f.id OPERATOR(pg_catalog.=) r.id AND f.root_id OPERATOR(pg_catalog.=) r.root_id
    WHERE f.id IS NULL
    ORDER BY r.id COLLATE pg_catalog."C" USING OPERATOR(pg_catalog.<);

    -- An index can keep ids unique in one part only. One that does not is for SQL by an id alone.
    IF pg_catalog.to_regclass('runmeta.run_id_idx') IS NULL THEN
        CREATE INDEX run_id_idx ON runmeta.run (id);
        COMMENT ON INDEX runmeta.run_id_idx IS 'runs by their ids, for SQL that does not name their roots';
    END IF;
    ALTER TABLE runmeta.run DROP CONSTRAINT IF EXISTS run_id_key;
END
$split$;
