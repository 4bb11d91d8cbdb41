INSERT INTO runmeta.writer (id, last_sequence) SELECT c.id, 1 FROM pg_catalog.unnest('{}'::pg_catalog.uuid[]) AS c (id)
