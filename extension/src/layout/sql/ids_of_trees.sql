SELECT r.id FROM runmeta.run AS r WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1)
