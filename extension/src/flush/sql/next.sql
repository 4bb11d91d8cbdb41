UPDATE runmeta.writer AS w SET last_sequence = $2, refused = NULL, updated_at = $3
WHERE w.id OPERATOR(pg_catalog.=) $1
    AND w.last_sequence OPERATOR(pg_catalog.=) ($2 OPERATOR(pg_catalog.-) 1)
RETURNING w.last_sequence
