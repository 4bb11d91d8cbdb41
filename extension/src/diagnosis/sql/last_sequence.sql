SELECT w.last_sequence FROM runmeta.writer AS w WHERE w.id OPERATOR(pg_catalog.=) $1
