SELECT runmeta.contract('other', NULL);
SELECT runmeta.contract('checked', (
    SELECT jsonb_build_object('type', 'object', 'required', '["progress", "key1"]'::jsonb, 'properties',
        '{"progress": {"type": "number", "minimum": 0}}'::jsonb || jsonb_object_agg('key' || i, CASE i % 4
            WHEN 0 THEN '{"type": "integer", "minimum": 0, "maximum": 1000}'::jsonb
            WHEN 1 THEN '{"type": "string", "maxLength": 100, "pattern": "^a text"}'
            WHEN 2 THEN '{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "ratio": {"type": "number"}, "ok": {"type": "boolean"}}}'
            ELSE '{"type": "array", "maxItems": 10, "items": {"type": ["integer", "string"]}}' END))
    FROM generate_series(1, 19) AS i), 'enforce');
