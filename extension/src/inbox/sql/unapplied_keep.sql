INSERT INTO runmeta.unapplied (root_id, run_id, run_created_at, position, source_id, writer, operation, reason, detail,
    created_at)
SELECT $1, $2, c.run_created_at, $3 OPERATOR(pg_catalog.+) c.position, c.source_id, c.writer, c.operation, c.reason,
    c.detail, $9
FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7),
    pg_catalog.unnest($8), pg_catalog.unnest($10)) WITH ORDINALITY
    AS c (source_id, writer, operation, reason, detail, run_created_at, position)
