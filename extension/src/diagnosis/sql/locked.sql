-- A materialized query is executed once, as it is written.
WITH free AS MATERIALIZED (
    SELECT r.id
    FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) ANY ($1) -- plain
-- split:     FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (id, root_id)
-- split:     JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
-- citus:     WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($2)
    FOR NO KEY UPDATE OF r SKIP LOCKED
)
SELECT r.id
FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) ANY ($1) -- plain
-- split: FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (id, root_id)
-- split: JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
-- citus: AND r.root_id OPERATOR(pg_catalog.=) ANY ($2)
    AND NOT EXISTS (SELECT FROM free AS f WHERE f.id OPERATOR(pg_catalog.=) r.id)
