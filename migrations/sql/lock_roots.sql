-- Who looks for a run locks the table of roots before that of runs. So does this, or each would wait for the other.

DO $lock_roots$
BEGIN
    IF pg_catalog.to_regclass('runmeta.run_root') IS NOT NULL THEN
        LOCK TABLE runmeta.run_root IN ACCESS EXCLUSIVE MODE;
    END IF;
END
$lock_roots$;
