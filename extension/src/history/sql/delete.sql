DELETE FROM runmeta.history AS h WHERE h.root_id OPERATOR(pg_catalog.=) $1 AND h.run_id OPERATOR(pg_catalog.=) $2
