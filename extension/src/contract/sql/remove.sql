DELETE FROM runmeta.contract AS c WHERE c.task OPERATOR(pg_catalog.=) $1 RETURNING true
