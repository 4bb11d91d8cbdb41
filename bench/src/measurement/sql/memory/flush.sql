SELECT count(*) FROM runmeta.flush((
    SELECT jsonb_agg(jsonb_build_object(
        'run', 'large ' || i, 'operations', '[{"type": "increment", "key": "n", "value": 1}]'::jsonb))
    FROM generate_series(1, 4000) AS i
))
