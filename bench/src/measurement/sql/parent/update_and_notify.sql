WITH changed AS (
    UPDATE bench.job
    SET metadata = jsonb_set(metadata, '{done}', to_jsonb((metadata ->> 'done')::numeric + 1)), version = version + 1, updated_at = now()
    WHERE id = 'run 1'
    RETURNING id, version
)
SELECT pg_notify('job', json_build_object('id', id, 'version', version)::text) FROM changed
