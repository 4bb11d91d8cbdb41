DELETE FROM runmeta.outbox AS d WHERE d.id OPERATOR(pg_catalog.=) ANY (ARRAY(
    SELECT o.id FROM runmeta.outbox AS o ORDER BY o.id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING d.root_id, d.run_id, d.version, d.stream, d.last, d.closed
