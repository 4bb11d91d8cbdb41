-- One statement and so one snapshot: whether there is the run $1, and the value at the key $2 or all of it.
SELECT pg_catalog.jsonb_pretty(g.value), g.value::pg_catalog.text, g.found
FROM (
    SELECT
        CASE WHEN $2::pg_catalog.text IS NULL THEN runmeta.get($1) ELSE runmeta.get($1, $2) END AS value,
        runmeta.get($1) IS NOT NULL AS found
) AS g
