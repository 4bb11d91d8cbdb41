UPDATE runmeta.writer AS w SET refused = $2 WHERE w.id OPERATOR(pg_catalog.=) $1
