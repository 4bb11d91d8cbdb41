DELETE FROM runmeta.stream AS s WHERE s.root_id OPERATOR(pg_catalog.=) ANY ($1)
