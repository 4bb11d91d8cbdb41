-- $1: the runs, $2: their roots, if all are known, $3: those whose documents are wanted.
SELECT id, root_id, parent_id, attempt, version,
    CASE WHEN id OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.text[]) THEN runmeta.get(id)::pg_catalog.text END
FROM runmeta.live_run
WHERE id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])
    AND ($2::pg_catalog.text[] IS NULL OR root_id OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[]))
