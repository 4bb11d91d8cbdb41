INSERT INTO runmeta.run (root_id, id, task, started_at, metadata)
SELECT 'checked', 'checked', 'checked', now(), '{"progress": 0}'::jsonb || jsonb_object_agg('key' || i, CASE i % 4
    WHEN 0 THEN to_jsonb(i)
    WHEN 1 THEN to_jsonb('a text of forty characters, more or less' || i)
    WHEN 2 THEN jsonb_build_object('name', 'row number ' || i, 'ratio', i * 0.37, 'ok', true)
    ELSE jsonb_build_array(i, i + 1, i + 2, 'and a text of some thirty characters') END)
FROM generate_series(1, 46) AS i
