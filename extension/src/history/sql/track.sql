INSERT INTO runmeta.tracked (task, key, every, keep) VALUES ($1, $2, $3, $4)
ON CONFLICT (task, key) DO UPDATE SET every = EXCLUDED.every, keep = EXCLUDED.keep
