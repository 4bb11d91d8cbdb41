DELETE FROM runmeta.transition AS g WHERE g.run_id OPERATOR(pg_catalog.=) '' AND g.id OPERATOR(pg_catalog.=) $1
