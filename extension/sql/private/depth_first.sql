-- _depth_first

CREATE FUNCTION runmeta._depth_first(ids pg_catalog.text[], parent_ids pg_catalog.text[])
RETURNS TABLE (id pg_catalog.text, depth pg_catalog.int4)
AS 'MODULE_PATHNAME', 'depth_first_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION runmeta._depth_first IS 'runs of a tree in the order in which they are printed';
