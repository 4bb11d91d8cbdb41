-- Where the tables of runmeta are gone too, no trigger of any queue has anything to record: all that are left go, of the schema $1 or of all.
SELECT pg_catalog.format('DROP FUNCTION %I.%I() CASCADE', n.nspname, p.proname)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE p.proname OPERATOR(pg_catalog.~) '^_runmeta_(follow|follow_row|truncate|queue)_[0-9]+$'
    AND p.prorettype OPERATOR(pg_catalog.=) 'pg_catalog.trigger'::pg_catalog.regtype
    AND p.pronargs OPERATOR(pg_catalog.=) 0::pg_catalog.int2
    AND ($1::pg_catalog.text IS NULL OR n.nspname OPERATOR(pg_catalog.=) $1)
ORDER BY n.nspname USING OPERATOR(pg_catalog.<), p.proname USING OPERATOR(pg_catalog.<)
