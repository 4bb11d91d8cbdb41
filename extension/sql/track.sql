-- track

CREATE FUNCTION runmeta.track(
    task pg_catalog.text,
    key pg_catalog.text,
    every pg_catalog.interval DEFAULT '10 seconds',
    keep pg_catalog.int4 DEFAULT 60
) RETURNS pg_catalog.void
AS 'MODULE_PATHNAME', 'track_wrapper'
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION runmeta.track IS
    'keep a history of a number in the metadata of a task''s runs: a sample every so often, and so many of a run at the most';
