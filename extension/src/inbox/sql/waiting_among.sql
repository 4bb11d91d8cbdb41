SELECT c.position
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY
    AS c (root_id, run_id, floor, position)
CROSS JOIN LATERAL (
    SELECT FROM runmeta.inbox AS i
    WHERE i.root_id OPERATOR(pg_catalog.=) c.root_id COLLATE pg_catalog."C"
        AND i.run_id OPERATOR(pg_catalog.=) c.run_id COLLATE pg_catalog."C"
        AND i.id OPERATOR(pg_catalog.>) c.floor LIMIT 1
) AS i
