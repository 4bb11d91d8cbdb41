-- $1: the run, $2: the key, $3: levels below it, $4: the task, each NULL for any. As JSON text, in which the numbers are exact.
SELECT pg_catalog.to_jsonb(r)::pg_catalog.text
FROM runmeta.rollup($1::pg_catalog.text, $2::pg_catalog.text, depth => $3::pg_catalog.int4, task => $4::pg_catalog.text) AS r
