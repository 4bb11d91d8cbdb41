-- _value_at

-- Not strict: a path that cannot be read is refused even if there is no document.
CREATE FUNCTION runmeta._value_at(document pg_catalog.jsonb, key pg_catalog.text) RETURNS pg_catalog.jsonb
AS 'MODULE_PATHNAME', 'value_at_wrapper'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 5;

COMMENT ON FUNCTION runmeta._value_at IS 'value at a key or path in a document, null if there is none';
