SELECT f.id, f.root_id, f.parent_id FROM runmeta.run_root AS f WHERE f.id OPERATOR(pg_catalog.=) ANY ($1)
