SELECT id, root_id, parent_id, version, runmeta.get(id)::pg_catalog.text
FROM runmeta.live_run
WHERE id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])
    AND ($2::pg_catalog.text[] IS NULL OR root_id OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[]))
