SELECT run_id, target::pg_catalog.text, outcome::pg_catalog.text, version, unapplied::pg_catalog.text
FROM runmeta.flush($1::pg_catalog.jsonb, $2::pg_catalog.uuid, $3::pg_catalog.int8)
