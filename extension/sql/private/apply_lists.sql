-- _apply_lists

-- Called by the UPDATE of runmeta.flush() with each row; false anywhere else.
CREATE FUNCTION runmeta._apply_lists(
    root_id pg_catalog.text,
    id pg_catalog.text,
    metadata pg_catalog.jsonb,
    version pg_catalog.int8,
    finished_at pg_catalog.timestamptz,
    size_bound pg_catalog.int4,
    task pg_catalog.text,
    created_at pg_catalog.timestamptz,
    updated_at pg_catalog.timestamptz
)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'apply_lists_wrapper'
LANGUAGE c VOLATILE;

COMMENT ON FUNCTION runmeta._apply_lists IS 'true if the flush that runs changes the document of this row';
