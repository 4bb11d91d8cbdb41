SELECT FROM runmeta.run AS r WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY r.root_id COLLATE pg_catalog."C", r.id COLLATE pg_catalog."C" FOR UPDATE
