-- What uses the background workers of the server. Roles without pg_read_all_stats see no types.
SELECT a.backend_type, pg_catalog.count(*)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.backend_type OPERATOR(pg_catalog.<>) ALL (ARRAY[
    'client backend', 'autovacuum launcher', 'autovacuum worker', 'background writer', 'checkpointer', 'walwriter',
    'archiver', 'startup', 'walreceiver', 'walsender', 'walsummarizer', 'slotsync worker', 'io worker', 'logger'])
GROUP BY a.backend_type ORDER BY 2 DESC, 1 LIMIT 10
