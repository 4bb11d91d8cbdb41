SELECT a.id, a.prefix::pg_catalog.text, pg_catalog.now() OPERATOR(pg_catalog.-) a.keep
FROM runmeta.adapter AS a
WHERE a.keep IS NOT NULL
