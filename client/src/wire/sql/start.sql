SELECT runmeta.start(
    run_id => $1::pg_catalog.text,
    metadata => $2::pg_catalog.jsonb,
    parent_run_id => $3::pg_catalog.text,
    task => $4::pg_catalog.text,
    tags => $5::pg_catalog.text[],
    status => $6::pg_catalog.text,
    attempt => $7::pg_catalog.int4
)
FROM pg_catalog.set_config('lock_timeout', $8::pg_catalog.text, true)
