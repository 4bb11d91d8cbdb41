SELECT g.id, g.adapter, g.role::pg_catalog.text, pg_catalog."left"(g.task, 256), g.at, a.prefix, g.is_deleted
FROM runmeta.transition AS g
LEFT JOIN runmeta.adapter AS a ON a.id OPERATOR(pg_catalog.=) g.adapter
WHERE g.run_id OPERATOR(pg_catalog.=) ''
ORDER BY g.id
LIMIT 100
FOR UPDATE OF g SKIP LOCKED
