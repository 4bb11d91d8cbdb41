SELECT COALESCE(r.parent_id, r.id), r.root_id FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) $1
