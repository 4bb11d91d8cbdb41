SELECT count(*) FROM runmeta.flush((
    SELECT jsonb_agg(jsonb_build_object(
        'run', 'run ' || i, 'operations', '[{"type": "increment", "key": "progress", "value": 1}]'::jsonb))
    FROM generate_series($1::int + 1, $1::int + 1000) AS i
))
