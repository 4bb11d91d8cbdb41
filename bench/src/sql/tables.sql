SELECT string_agg(c.oid::regclass::text, ', ')
FROM pg_class AS c
WHERE c.relnamespace IN ('runmeta'::regnamespace, 'bench'::regnamespace) AND c.relkind = 'r'
