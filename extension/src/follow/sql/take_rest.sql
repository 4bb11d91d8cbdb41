    -- Triggers have cut the texts; a writer may have recorded others.
    RETURNING t.run_id, t.id, t.adapter, t.role, pg_catalog."left"(t.status, 256) AS status, t.is_deleted, t.attempt,
        pg_catalog."left"(t.error, 1000) AS error, pg_catalog."left"(t.task, 256) AS task,
        pg_catalog."left"(t.parent_id, 256) AS parent_id, t.created_at, t.started_at, t.finished_at, t.at
)
SELECT t.run_id, t.adapter, t.role::pg_catalog.text, t.status, t.is_deleted, t.attempt, t.task, t.created_at, t.started_at,
    t.finished_at, t.at,
    CASE WHEN t.error IS NOT NULL THEN pg_catalog.jsonb_build_array(
        pg_catalog.jsonb_build_object('type', 'set', 'key', 'error', 'value', t.error),
        pg_catalog.jsonb_build_object('type', 'append', 'key', 'errors', 'keep', 5,
            'value', pg_catalog.jsonb_build_object('attempt', t.attempt, 'text', t.error)))
    END, t.parent_id
FROM taken AS t
ORDER BY t.run_id, t.id
