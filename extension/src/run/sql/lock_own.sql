SELECT t.root_id, t.id, t.metadata, t.version, t.finished_at FROM runmeta.run AS t
WHERE t.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE
