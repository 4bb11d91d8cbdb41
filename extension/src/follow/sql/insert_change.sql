INSERT INTO runmeta.transition
    (adapter, run_id, is_deleted, status, attempt, error, task, parent_id, created_at, started_at, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
