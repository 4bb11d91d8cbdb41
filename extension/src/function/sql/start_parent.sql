SELECT p.root_id, p.depth FROM runmeta.run AS p WHERE p.id OPERATOR(pg_catalog.=) $1
