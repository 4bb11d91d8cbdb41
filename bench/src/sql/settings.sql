-- What matters to a comparison, and all of ours.
SELECT 'Postgres ' || current_setting('server_version') || ', '
    || string_agg(s.name || ' ' || current_setting(s.name), ', ' ORDER BY s.name LIKE 'runmeta.%', s.name)
FROM pg_settings AS s
WHERE s.name LIKE 'runmeta.%'
    OR s.name IN ('autovacuum', 'checkpoint_timeout', 'fsync', 'full_page_writes', 'max_wal_size', 'shared_buffers',
        'synchronous_commit', 'wal_level')
