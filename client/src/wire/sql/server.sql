-- The timeline, which changes when a standby takes over or a backup is restored, and the time. The timeline of the last checkpoint,
-- which a standby has, is behind for as long as the first checkpoint after a promotion takes.
SELECT
    CASE
        WHEN pg_catalog.pg_is_in_recovery() THEN (SELECT c.timeline_id::pg_catalog.int8 FROM pg_catalog.pg_control_checkpoint() AS c)
        ELSE ('x' OPERATOR(pg_catalog.||) pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::pg_catalog.bit(32)::pg_catalog.int8
    END,
    pg_catalog.clock_timestamp()
