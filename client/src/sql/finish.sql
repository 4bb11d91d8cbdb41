SELECT runmeta.finish(run_id => $1::pg_catalog.text, status => $2::pg_catalog.text)
