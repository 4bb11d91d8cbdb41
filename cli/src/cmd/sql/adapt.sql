SELECT a FROM runmeta.adapt(queue => $1, schema => $2, prefix => $3, tasks => $4,
    metadata => $5::pg_catalog.text::pg_catalog.jsonb, parent => $6, table_name => $7,
    mapping => $8::pg_catalog.text::pg_catalog.jsonb,
    keep => $9::pg_catalog.text::pg_catalog.interval, dry_run => $10) AS a
