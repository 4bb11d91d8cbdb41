SELECT pg_catalog.count(*) FROM runmeta.tracked AS k WHERE k.task OPERATOR(pg_catalog.=) $1
