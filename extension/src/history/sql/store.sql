INSERT INTO runmeta.history (root_id, run_id, key, run_created_at, spacing, at, value) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (root_id, run_id, key) DO UPDATE SET run_created_at = EXCLUDED.run_created_at, spacing = EXCLUDED.spacing,
    at = EXCLUDED.at, value = EXCLUDED.value
