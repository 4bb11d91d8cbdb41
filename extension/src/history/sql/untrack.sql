DELETE FROM runmeta.tracked AS k
WHERE k.task OPERATOR(pg_catalog.=) $1 AND (k.key OPERATOR(pg_catalog.=) $2 OR $2 IS NULL)
