-- Queues that are adapted: whether their tables have the triggers, and a role that lacks rights.
WITH part AS (
    SELECT a.id, a.queue, a.table_schema, a.table_name, c.oid AS jobs, t.relid, t.isleaf, c.relkind OPERATOR(pg_catalog.=) 'p' AS is_parent
    FROM runmeta.adapter AS a
    -- By its names: whoever looks may lack the right to use the schema.
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname OPERATOR(pg_catalog.=) a.table_schema::pg_catalog.name
    LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
        AND c.relname OPERATOR(pg_catalog.=) a.table_name::pg_catalog.name
    LEFT JOIN LATERAL (
        SELECT p.relid::pg_catalog.oid, p.isleaf FROM pg_catalog.pg_partition_tree(c.oid::pg_catalog.regclass) AS p
        WHERE c.relkind OPERATOR(pg_catalog.=) 'p'
        UNION ALL
        SELECT c.oid, true WHERE c.relkind OPERATOR(pg_catalog.<>) 'p'
    ) AS t ON true
), counted AS (
    SELECT p.*, (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS g
        WHERE g.tgrelid OPERATOR(pg_catalog.=) p.relid AND g.tgenabled OPERATOR(pg_catalog.<>) 'D'
            AND g.tgname OPERATOR(pg_catalog.=) ANY (
                ARRAY['_runmeta_insert', '_runmeta_update', '_runmeta_delete']::pg_catalog.name[])
    ) AS triggers, EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS g
        WHERE g.tgrelid OPERATOR(pg_catalog.=) p.relid AND g.tgenabled OPERATOR(pg_catalog.<>) 'D'
            AND g.tgname OPERATOR(pg_catalog.=) '_runmeta_row'
    ) AS has_row_trigger
    FROM part AS p
)
SELECT c.queue, pg_catalog.format('%I.%I', c.table_schema, c.table_name), pg_catalog.bool_and(c.jobs IS NOT NULL),
    pg_catalog.count(*) FILTER (WHERE c.triggers OPERATOR(pg_catalog.<) 3
        AND NOT (c.is_parent AND c.isleaf AND c.has_row_trigger) AND c.relid IS NOT NULL),
    pg_catalog.count(*) FILTER (WHERE c.triggers OPERATOR(pg_catalog.<) 3 AND c.is_parent AND c.isleaf AND c.has_row_trigger),
    (SELECT pg_catalog.min(r.rolname::pg_catalog.text)
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolcanlogin AND pg_catalog.has_table_privilege(r.oid, pg_catalog.min(c.jobs), 'INSERT')
            AND NOT pg_catalog.has_column_privilege(r.oid, 'runmeta.transition', 'run_id', 'INSERT')),
    -- With which `runmeta adapt` finds it.
    pg_catalog.concat(
        CASE WHEN c.queue OPERATOR(pg_catalog.<>) 'table' THEN pg_catalog.concat(c.queue, ' ') END,
        '--schema ', c.table_schema,
        CASE WHEN c.queue OPERATOR(pg_catalog.=) ANY (ARRAY['pgmq', 'table']::pg_catalog.text[])
            THEN pg_catalog.concat(' --table ', c.table_name) END),
    c.id, pg_catalog.quote_ident(c.table_schema)
FROM counted AS c
GROUP BY c.id, c.queue, c.table_schema, c.table_name
ORDER BY c.id
