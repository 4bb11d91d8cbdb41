SELECT i.root_id, i.run_id, pg_catalog.count(*), pg_catalog.sum(i.weight)
FROM runmeta.inbox AS i GROUP BY i.root_id, i.run_id
