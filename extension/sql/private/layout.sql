-- _is_split, _is_distributed, _root_of

-- Immutable, although the layout can change: the planner then leaves the whole condition away where runs are found by their ids,
-- so that it costs nothing. The layout changes with the table of runs, and plans on that are made anew.
CREATE FUNCTION runmeta._is_split() RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'is_split_wrapper'
LANGUAGE c IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION runmeta._is_split IS 'whether runs lie in parts, so that statements need their roots';

-- Stable, so that no plan keeps the answer.
CREATE FUNCTION runmeta._is_distributed() RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'is_distributed_wrapper'
LANGUAGE c STABLE PARALLEL SAFE;

COMMENT ON FUNCTION runmeta._is_distributed IS 'whether Citus has distributed the tables';

CREATE FUNCTION runmeta._root_of(run_id pg_catalog.text) RETURNS pg_catalog.text
AS 'MODULE_PATHNAME', 'root_of_wrapper'
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta._root_of IS 'root of a run, null if there is no such run or runs do not lie in parts';
