INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations, weight, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
