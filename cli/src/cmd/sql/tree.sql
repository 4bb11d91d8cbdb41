-- The run $1 and what is below it.
SELECT t.depth, t.id, t.status, t.attempt
FROM runmeta.tree($1) WITH ORDINALITY AS t
ORDER BY t.ordinality
