INSERT INTO runmeta.transition
    (adapter, run_id, status, attempt, error, task, parent_id, created_at, started_at, finished_at)
SELECT $1, runmeta._noted(c.run_id), c.status, c.attempt, c.error, c.task, c.parent_id, c.created_at, c.started_at, c.finished_at
FROM ROWS FROM (
        pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
        pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), pg_catalog.unnest($10), pg_catalog.unnest($11)
    ) AS c (run_id, is_wanted, status, attempt, error, task, parent_id, created_at, started_at, finished_at)
WHERE c.is_wanted
    OR EXISTS (SELECT FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) c.run_id COLLATE pg_catalog."C") -- plain
RETURNING 1
