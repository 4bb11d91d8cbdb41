INSERT INTO runmeta.contract AS c (task, schema, mode, updated_at)
VALUES ($1, $2, $3, pg_catalog.clock_timestamp())
ON CONFLICT (task) DO UPDATE SET schema = excluded.schema, mode = excluded.mode, updated_at = excluded.updated_at
