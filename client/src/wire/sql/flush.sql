-- Depending on what it gives, the call of flush cannot come before that of set_config.
SELECT flush.run_id, flush.part, flush.target::pg_catalog.text, flush.outcome::pg_catalog.text, flush.version, flush.unapplied::pg_catalog.text, flush.stream
FROM pg_catalog.set_config('lock_timeout', $4::pg_catalog.text, true) AS lock_timeout,
    LATERAL runmeta.flush($1::pg_catalog.text::pg_catalog.jsonb, $2::pg_catalog.uuid, CASE WHEN lock_timeout IS NOT NULL THEN $3::pg_catalog.int8 END) AS flush
