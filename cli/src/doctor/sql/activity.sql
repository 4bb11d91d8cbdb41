-- The settings stand behind the view, whose function loads the library that defines them.
SELECT
    a.worker, a.worker_pid, a.worker_error,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.worker_error_at)::pg_catalog.float8,
    a.library_version, a.preloaded, a.standby,
    a.waiting_lists, a.waiting_runs, a.waiting_bytes,
    EXTRACT(epoch FROM a.waiting_age)::pg_catalog.float8, a.waiting_is_estimate,
    EXTRACT(epoch FROM a.unannounced_age)::pg_catalog.float8, a.unannounced_bytes, a.unannounced_prepared,
    a.owes_resync, a.notification_queue_usage,
    a.unapplied, a.writers, a.recent_writers, a.runs, a.unfinished_runs,
    a.vacuum_held_by, a.vacuum_held_pid, a.vacuum_held_name, a.vacuum_held_transactions::pg_catalog.int8,
    EXTRACT(epoch FROM a.vacuum_held_age)::pg_catalog.float8,
    a.run_dead_rows, a.run_dead_pieces, a.inbox_dead_rows, a.run_bytes, a.inbox_bytes, a.unapplied_bytes,
    (SELECT s.setting::pg_catalog.int8 FROM pg_catalog.pg_settings AS s
        WHERE s.name OPERATOR(pg_catalog.=) 'runmeta.maximum_size'),
    (SELECT s.setting FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'runmeta.notify'),
    a.job_changes, EXTRACT(epoch FROM a.job_changes_age)::pg_catalog.float8, a.adapter_failures
FROM runmeta.activity AS a
