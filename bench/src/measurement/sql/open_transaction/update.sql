UPDATE bench.job
SET metadata = jsonb_set(metadata, '{done}', to_jsonb((metadata ->> 'done')::numeric + 1)), version = version + 1, updated_at = now()
WHERE id = ANY (ARRAY(SELECT 'run ' || i FROM generate_series(1, 100) AS i))
