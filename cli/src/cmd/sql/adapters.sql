-- Whether the extension has a function that removes adapters, and whether their table is there.
SELECT
    EXISTS (SELECT FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
        WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND p.proname OPERATOR(pg_catalog.=) 'unadapt'),
    EXISTS (SELECT FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND c.relname OPERATOR(pg_catalog.=) 'adapter')
