SELECT r.id FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)
