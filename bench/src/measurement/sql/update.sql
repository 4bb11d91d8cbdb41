UPDATE bench.job
SET metadata = jsonb_set(metadata, '{progress}', to_jsonb($2::bigint)), version = version + 1, updated_at = now()
WHERE id = $1
