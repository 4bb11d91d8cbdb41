-- Nothing is sent, and the document is taken out of storage once and stays in memory.
DO $evaluate$
DECLARE
    document jsonb := (SELECT metadata || '{}' FROM runmeta.run WHERE id = 'pure');
    start timestamptz;
    calls bigint;
BEGIN
    start := clock_timestamp();
    SELECT count({expression}) INTO calls
    FROM generate_series(1, {calls}), LATERAL (SELECT document AS d OFFSET 0) AS t;
    PERFORM set_config('bench.seconds', extract(epoch FROM clock_timestamp() - start)::text, false);
END
$evaluate$
