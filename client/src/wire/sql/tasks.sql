SELECT r.task, r.status, r.finished_at IS NOT NULL, pg_catalog.count(*), pg_catalog.max(r.created_at)
FROM runmeta.run AS r
WHERE r.task IS NOT NULL
GROUP BY r.task, r.status, r.finished_at IS NOT NULL
ORDER BY r.task, r.status
