-- $1: the task, $2: the schema as text, NULL to remove it, $3: the mode.
SELECT runmeta.contract($1::pg_catalog.text, $2::pg_catalog.text::pg_catalog.jsonb, $3::pg_catalog.text)
