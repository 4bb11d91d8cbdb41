SELECT i.root_id, i.run_id, pg_catalog.count(*), pg_catalog.sum(pg_catalog.pg_column_size(i.operations))::pg_catalog.int8
FROM runmeta.inbox AS i GROUP BY i.root_id, i.run_id
