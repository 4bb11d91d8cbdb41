DELETE FROM runmeta.inbox AS i WHERE i.root_id OPERATOR(pg_catalog.=) ANY ($1)
