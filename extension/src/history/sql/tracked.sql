SELECT k.key, k.every, k.keep FROM runmeta.tracked AS k WHERE k.task OPERATOR(pg_catalog.=) $1
