SELECT pg_catalog.concat(c.xmin, c.ctid), c.mode, c.schema
FROM runmeta.contract AS c
WHERE c.task OPERATOR(pg_catalog.=) $1
