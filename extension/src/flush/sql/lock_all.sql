SELECT r.id, r.depth FROM runmeta.run AS r
WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY r.id COLLATE pg_catalog."C"
FOR NO KEY UPDATE
