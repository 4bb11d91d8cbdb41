-- number_at

CREATE FUNCTION runmeta.number_at(document pg_catalog.jsonb, key pg_catalog.text) RETURNS pg_catalog.numeric
AS 'MODULE_PATHNAME', 'number_at_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5;

COMMENT ON FUNCTION runmeta.number_at IS 'number at a key or path in a document, null if there is none';
