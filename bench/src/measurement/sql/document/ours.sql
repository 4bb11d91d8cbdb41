INSERT INTO runmeta.run (root_id, id, started_at, metadata)
SELECT $1::text, $1::text, now(), CASE $2::int WHEN 0 THEN small.document ELSE small.document || large.document END
FROM
    (SELECT '{"done": 0, "progress": 0, "user": {"id": 42, "name": "Eric"}, "log": ["step 1"]}'::jsonb AS document) AS small,
    (
        SELECT jsonb_build_object('rows', jsonb_agg(jsonb_build_object(
            'id', i, 'name', 'row number ' || i, 'ok', true, 'ratio', i * 0.37))) AS document
        FROM generate_series(1, $2::int) AS i
    ) AS large
