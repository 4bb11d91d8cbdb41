INSERT INTO runmeta.run (root_id, id, task, metadata, started_at)
SELECT u.id, u.id, 'import', u.metadata, now()
FROM unnest($1::text[], $2::jsonb[]) AS u (id, metadata)
