COALESCE(EXTRACT(epoch FROM r.finished_at OPERATOR(pg_catalog.-) r.started_at)::pg_catalog.float8, -1)
