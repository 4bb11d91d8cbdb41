UPDATE bench.job
SET metadata = jsonb_set(metadata, '{done}', to_jsonb((metadata ->> 'done')::numeric + 1)), version = version + 1, updated_at = now()
WHERE id = $1
