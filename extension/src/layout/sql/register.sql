INSERT INTO runmeta.run_root (id, root_id, parent_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
