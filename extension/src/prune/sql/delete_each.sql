DELETE FROM runmeta.run AS r WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1) RETURNING r.root_id, r.id
