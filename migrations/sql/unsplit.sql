-- Back to the plain layout, in which an index keeps ids unique. Two runs of one id, which somebody has inserted by hand, are an error.

DO $unsplit$
BEGIN
    LOCK TABLE runmeta.run IN ACCESS EXCLUSIVE MODE;
    IF pg_catalog.to_regclass('runmeta.run_id_key') IS NULL THEN
        ALTER TABLE runmeta.run ADD CONSTRAINT run_id_key UNIQUE (id);
    END IF;
    DROP INDEX IF EXISTS runmeta.run_id_idx;
    DROP VIEW IF EXISTS runmeta.layout;
    DROP TABLE IF EXISTS runmeta.run_root;
END
$unsplit$;
