UPDATE bench.job
SET metadata = jsonb_set(metadata, '{n}', to_jsonb((metadata ->> 'n')::numeric + 1)), version = version + 1, updated_at = now()
WHERE id LIKE 'large %'
