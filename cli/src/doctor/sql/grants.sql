-- Rights that the two roles should have and do not.
SELECT g.role::pg_catalog.text, g.privilege::pg_catalog.text
FROM (
    SELECT 'runmeta_reader', 'EXECUTE on runmeta.' OPERATOR(pg_catalog.||) p.proname, p.oid
    FROM pg_catalog.pg_proc AS p WHERE p.proname OPERATOR(pg_catalog.=) ANY (ARRAY['get', 'tree'])
        AND p.pronamespace OPERATOR(pg_catalog.=) (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta')
    UNION ALL
    SELECT 'runmeta_writer', 'EXECUTE on runmeta.' OPERATOR(pg_catalog.||) p.proname, p.oid
    FROM pg_catalog.pg_proc AS p WHERE p.proname OPERATOR(pg_catalog.=) ANY (ARRAY['get', 'start', 'set', 'flush', 'finish'])
        AND p.pronamespace OPERATOR(pg_catalog.=) (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta')
) AS g (role, privilege, routine)
LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname OPERATOR(pg_catalog.=) g.role
WHERE r.oid IS NULL OR NOT pg_catalog.has_function_privilege(r.oid, g.routine, 'EXECUTE')
GROUP BY 1, 2 ORDER BY 1, 2
