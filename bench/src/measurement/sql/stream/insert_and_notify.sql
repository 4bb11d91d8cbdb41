WITH inserted AS (INSERT INTO chunk (job, chunk) VALUES ('job', $1::text::jsonb) RETURNING id)
SELECT pg_notify('chunk', id || ' ' || $1::text) FROM inserted
