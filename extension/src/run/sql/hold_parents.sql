SELECT p.id FROM runmeta.run AS p
WHERE p.id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY p.id COLLATE pg_catalog."C"
FOR KEY SHARE
