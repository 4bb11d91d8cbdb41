SELECT i.root_id, i.run_id, pg_catalog.count(*), pg_catalog.sum(i.weight)
FROM runmeta.inbox AS i
WHERE (i.root_id, i.run_id) OPERATOR(pg_catalog.>) ($1, $2)
GROUP BY i.root_id, i.run_id ORDER BY i.root_id, i.run_id LIMIT $3
