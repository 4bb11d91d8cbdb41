UPDATE bench.job AS j
SET metadata = jsonb_set(j.metadata, '{progress}', u.value), version = j.version + 1, updated_at = now()
FROM unnest($1::text[], $2::jsonb[]) AS u (id, value)
WHERE j.id = u.id
