SELECT FROM runmeta.writer AS w WHERE w.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE
