UPDATE runmeta.run AS j
SET status = 'completed', version = j.version + 1, updated_at = now(), finished_at = now()
WHERE j.id = ANY ($1::text[])
