SELECT h.spacing, h.at, h.value FROM runmeta.history AS h
WHERE h.root_id OPERATOR(pg_catalog.=) $1 AND h.run_id OPERATOR(pg_catalog.=) $2 AND h.key OPERATOR(pg_catalog.=) $3
    AND h.run_created_at OPERATOR(pg_catalog.=) $4
