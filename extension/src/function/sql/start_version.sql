SELECT r.version FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) $1
