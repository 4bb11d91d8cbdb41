-- _changed_bound

CREATE FUNCTION runmeta._changed_bound() RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'changed_bound_wrapper'
LANGUAGE c VOLATILE;

COMMENT ON FUNCTION runmeta._changed_bound IS 'bound of the size of the document that _changed_document returns';
