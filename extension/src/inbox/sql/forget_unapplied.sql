DELETE FROM runmeta.unapplied AS u WHERE u.created_at OPERATOR(pg_catalog.<) $1
    AND NOT EXISTS (SELECT FROM runmeta.run AS r
        WHERE r.root_id OPERATOR(pg_catalog.=) u.root_id AND r.id OPERATOR(pg_catalog.=) u.run_id
            AND r.created_at OPERATOR(pg_catalog.=) u.run_created_at)
