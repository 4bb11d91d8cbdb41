SELECT id, status, created_at FROM runmeta.run WHERE parent_id IS NULL ORDER BY created_at DESC LIMIT 20
