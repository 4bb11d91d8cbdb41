SELECT r.root_id, r.id
FROM runmeta.run AS r
WHERE r.task OPERATOR(pg_catalog.=) $1
ORDER BY r.created_at DESC
