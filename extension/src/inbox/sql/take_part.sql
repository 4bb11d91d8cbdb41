DELETE FROM runmeta.inbox AS i
WHERE i.root_id OPERATOR(pg_catalog.=) $1 AND i.run_id OPERATOR(pg_catalog.=) $2
    AND i.id OPERATOR(pg_catalog.>=) $3 AND i.id OPERATOR(pg_catalog.<=) $4
RETURNING i.id, i.run_created_at, i.source_id, i.writer, i.operations, i.weight
