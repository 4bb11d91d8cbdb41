DELETE FROM runmeta.history AS h WHERE h.root_id OPERATOR(pg_catalog.=) ANY ($1)
