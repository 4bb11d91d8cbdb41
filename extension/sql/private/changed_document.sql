-- _changed_document

CREATE FUNCTION runmeta._changed_document() RETURNS pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'changed_document_wrapper'
LANGUAGE c VOLATILE;

COMMENT ON FUNCTION runmeta._changed_document IS 'document of the row for which _apply_lists was true last';
