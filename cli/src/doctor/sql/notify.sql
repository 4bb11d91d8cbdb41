-- Where runmeta.notify is set, and to what: for a database, for a role, for a role in a database, or for the server.
SELECT d.datname::pg_catalog.text, r.rolname::pg_catalog.text, pg_catalog.split_part(c.setting, '=', 2)
FROM pg_catalog.pg_db_role_setting AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.setrole
WHERE pg_catalog.starts_with(c.setting, 'runmeta.notify=')
    AND (s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid
        OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
UNION ALL
SELECT NULL, NULL, s.setting FROM runmeta._worker_state() AS w
CROSS JOIN pg_catalog.pg_settings AS s
WHERE s.name OPERATOR(pg_catalog.=) 'runmeta.notify'
    AND s.source OPERATOR(pg_catalog.=) ANY (ARRAY['configuration file', 'command line', 'environment variable'])
