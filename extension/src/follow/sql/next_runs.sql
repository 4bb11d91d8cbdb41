SELECT t.run_id, pg_catalog.count(*)
FROM runmeta.transition AS t
WHERE t.run_id OPERATOR(pg_catalog.>) $1
GROUP BY t.run_id
ORDER BY t.run_id
LIMIT $2
