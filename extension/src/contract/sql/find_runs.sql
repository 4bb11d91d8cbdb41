SELECT r.id, r.metadata
FROM runmeta.live_run AS r
WHERE r.task OPERATOR(pg_catalog.=) $1
ORDER BY r.created_at DESC
