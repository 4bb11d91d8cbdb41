SELECT id, status, created_at FROM runmeta.run WHERE finished_at IS NULL ORDER BY created_at LIMIT 20
