SELECT count(*) FROM runmeta.flush((
    SELECT jsonb_agg(jsonb_build_object(
        'run', 'run ' || i, 'operations', '[{"type": "increment", "key": "done", "value": 1}]'::jsonb))
    FROM generate_series(1, 100) AS i
))
