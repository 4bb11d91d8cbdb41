-- hold: $1
SELECT FROM runmeta.run AS p
WHERE p.root_id OPERATOR(pg_catalog.=) $1 AND p.id OPERATOR(pg_catalog.=) $2 FOR KEY SHARE
