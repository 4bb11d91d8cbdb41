-- $1: the runs, $2: those whose documents are wanted. Not by their roots: a run may have been started anew in another tree.
SELECT id, root_id, parent_id, attempt, version,
    CASE WHEN id OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[]) THEN runmeta.get(id)::pg_catalog.text END
FROM runmeta.live_run
WHERE id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])
