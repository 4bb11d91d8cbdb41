-- The nodes of a Citus cluster: the extension and the rights of each beside those of the coordinator, and how many shards of each
-- table it has.
WITH node AS (
    SELECT d.nodeid, d.groupid, pg_catalog.format('%s:%s', d.nodename, d.nodeport) AS name,
        CASE WHEN c.success THEN c.result::pg_catalog.jsonb END AS found,
        CASE WHEN NOT c.success THEN c.result END AS error
    FROM pg_catalog.run_command_on_all_nodes($node$
        SELECT pg_catalog.jsonb_build_object(
            'version', (SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'),
            'rights', (
                SELECT COALESCE(pg_catalog.jsonb_agg(o.name), '[]') FROM (
                    SELECT pg_catalog.format('%s %s', g.role, p.oid::pg_catalog.regprocedure) AS name
                    FROM pg_catalog.pg_extension AS e
                    JOIN pg_catalog.pg_depend AS d
                        ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                        AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
                        AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
                    JOIN pg_catalog.pg_proc AS p ON p.oid OPERATOR(pg_catalog.=) d.objid
                    CROSS JOIN (
                        SELECT 'public' AS role
                        UNION ALL
                        SELECT r.rolname FROM pg_catalog.pg_roles AS r
                        WHERE r.rolname OPERATOR(pg_catalog.=) ANY ('{runmeta_reader,runmeta_writer}'::pg_catalog.name[])
                    ) AS g
                    WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'
                        AND pg_catalog.has_function_privilege(g.role::pg_catalog.name, p.oid, 'EXECUTE')
                    UNION ALL
                    SELECT pg_catalog.format('%s member %I', r.rolname, m.rolname)
                    FROM pg_catalog.pg_auth_members AS a
                    JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.roleid
                    JOIN pg_catalog.pg_roles AS m ON m.oid OPERATOR(pg_catalog.=) a.member
                    WHERE r.rolname OPERATOR(pg_catalog.=) ANY ('{runmeta_reader,runmeta_writer}'::pg_catalog.name[])
                ) AS o
            ))
    $node$) AS c
    JOIN pg_catalog.pg_dist_node AS d ON d.nodeid OPERATOR(pg_catalog.=) c.nodeid
)
SELECT n.name, n.error, n.found OPERATOR(pg_catalog.->>) 'version', (
    SELECT pg_catalog.string_agg(pg_catalog.format('%s %s', s.name, s.number), ', ' ORDER BY s.name USING OPERATOR(pg_catalog.<))
    FROM (
        SELECT t.relname::pg_catalog.text AS name, pg_catalog.count(*) AS number
        FROM pg_catalog.pg_dist_placement AS p
        JOIN pg_catalog.pg_dist_shard AS h ON h.shardid OPERATOR(pg_catalog.=) p.shardid
        JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) h.logicalrelid::pg_catalog.oid
        WHERE p.groupid OPERATOR(pg_catalog.=) n.groupid
            AND t.relnamespace OPERATOR(pg_catalog.=) 'runmeta'::pg_catalog.regnamespace
        GROUP BY t.relname
    ) AS s
), (
    SELECT pg_catalog.count(*) FROM pg_catalog.jsonb_array_elements_text(o.found OPERATOR(pg_catalog.->) 'rights') AS r (name)
    WHERE NOT (n.found OPERATOR(pg_catalog.->) 'rights') OPERATOR(pg_catalog.?) r.name
), (
    SELECT pg_catalog.count(*) FROM pg_catalog.jsonb_array_elements_text(n.found OPERATOR(pg_catalog.->) 'rights') AS r (name)
    WHERE NOT (o.found OPERATOR(pg_catalog.->) 'rights') OPERATOR(pg_catalog.?) r.name
), n.found OPERATOR(pg_catalog.->>) 'version' OPERATOR(pg_catalog.=) (o.found OPERATOR(pg_catalog.->>) 'version')
FROM node AS n
CROSS JOIN (SELECT n.found FROM node AS n WHERE n.groupid OPERATOR(pg_catalog.=) 0) AS o
ORDER BY n.nodeid
