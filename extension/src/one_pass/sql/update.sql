UPDATE runmeta.run AS r
SET metadata = runmeta._changed_document(), version = r.version OPERATOR(pg_catalog.+) 1, updated_at = $2,
    size_bound = runmeta._changed_bound()
WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)
-- split: AND r.root_id OPERATOR(pg_catalog.=) $3
    AND runmeta._apply_lists(r.root_id, r.id, r.metadata, r.version, r.finished_at, r.size_bound, r.task,
        r.created_at, r.updated_at)
