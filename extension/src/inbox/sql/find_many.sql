SELECT t.root_id, t.id, t.created_at, t.size_bound, t.finished_at, t.version, t.attempt, c.position
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY AS c (id, is_root, position)
CROSS JOIN LATERAL (
    SELECT r.root_id, CASE
            WHEN c.is_root THEN r.root_id
            WHEN c.is_root IS NULL THEN r.id
            ELSE COALESCE(r.parent_id, r.id)
        END AS id
    FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) c.id COLLATE pg_catalog."C" OFFSET 0
) AS f
CROSS JOIN LATERAL (
    SELECT t.root_id, t.id, t.created_at, t.size_bound, t.finished_at, t.version, t.attempt FROM runmeta.run AS t
    WHERE t.root_id OPERATOR(pg_catalog.=) f.root_id AND t.id OPERATOR(pg_catalog.=) f.id OFFSET 0
) AS t
