COALESCE(r.finished_at, '9999-12-31 00:00:00+00'::pg_catalog.timestamptz)
