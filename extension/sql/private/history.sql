-- _keep_histories, _recent_rate, _last_change

-- The trigger that track() makes on runmeta.run.
CREATE FUNCTION runmeta._keep_histories() RETURNS trigger
AS 'MODULE_PATHNAME', 'keep_histories_wrapper'
LANGUAGE c VOLATILE;

COMMENT ON FUNCTION runmeta._keep_histories IS 'take samples of the tracked numbers of a run that changes, and delete those of one that is deleted';

CREATE FUNCTION runmeta._recent_rate(
    at pg_catalog.timestamptz[],
    value pg_catalog.float8[],
    spacing pg_catalog.interval,
    began_at pg_catalog.timestamptz,
    now pg_catalog.timestamptz,
    current pg_catalog.numeric
) RETURNS pg_catalog.float8
AS 'MODULE_PATHNAME', 'recent_rate_wrapper'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta._recent_rate IS 'how much a number grew a second of late, by its history';

CREATE FUNCTION runmeta._last_change(
    at pg_catalog.timestamptz[],
    value pg_catalog.float8[],
    current pg_catalog.numeric
) RETURNS pg_catalog.timestamptz
AS 'MODULE_PATHNAME', 'last_change_wrapper'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION runmeta._last_change IS 'when a number last changed, by its history; infinity if it has changed since the last sample';
