INSERT INTO runmeta.run (root_id, id, parent_id, depth, task, tags, status, attempt, metadata, created_at, started_at,
    updated_at, size_bound)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $12)
ON CONFLICT DO NOTHING RETURNING version
