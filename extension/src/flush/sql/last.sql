SELECT w.last_sequence, CASE WHEN w.last_sequence OPERATOR(pg_catalog.=) $2 THEN w.refused END
FROM runmeta.writer AS w WHERE w.id OPERATOR(pg_catalog.=) $1
