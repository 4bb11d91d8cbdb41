SELECT runmeta.set_status(run_id => $1::pg_catalog.text, status => $2::pg_catalog.text)
FROM pg_catalog.set_config('lock_timeout', $3::pg_catalog.text, true)
