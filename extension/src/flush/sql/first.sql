INSERT INTO runmeta.writer (id, last_sequence) VALUES ($1, 1) ON CONFLICT DO NOTHING RETURNING last_sequence
