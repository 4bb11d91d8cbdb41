-- $1: the task, $2: since when, $3: seconds of a bucket, $4: how many buckets. A run counts as started in the bucket in which it was
-- created, and as finished in the one in which it finished; it failed if that was with another status than completed.
WITH bucket AS (
    SELECT $2::pg_catalog.timestamptz OPERATOR(pg_catalog.+) (n OPERATOR(pg_catalog.*) $3::pg_catalog.float8 OPERATOR(pg_catalog.*) '1 second'::pg_catalog.interval) AS at,
        n
    FROM pg_catalog.generate_series(0, $4::pg_catalog.int4 OPERATOR(pg_catalog.-) 1) AS n
), started AS (
    SELECT pg_catalog.floor(EXTRACT(epoch FROM r.created_at OPERATOR(pg_catalog.-) $2::pg_catalog.timestamptz)::pg_catalog.float8 OPERATOR(pg_catalog./) $3::pg_catalog.float8)::pg_catalog.int4 AS n,
        pg_catalog.count(*) AS runs
    FROM runmeta.run AS r
    WHERE r.task OPERATOR(pg_catalog.=) $1::pg_catalog.text AND r.created_at OPERATOR(pg_catalog.>=) $2::pg_catalog.timestamptz
    GROUP BY 1
), finished AS (
    SELECT pg_catalog.floor(EXTRACT(epoch FROM r.finished_at OPERATOR(pg_catalog.-) $2::pg_catalog.timestamptz)::pg_catalog.float8 OPERATOR(pg_catalog./) $3::pg_catalog.float8)::pg_catalog.int4 AS n,
        pg_catalog.count(*) FILTER (WHERE r.status OPERATOR(pg_catalog.=) 'completed') AS completed,
        pg_catalog.count(*) FILTER (WHERE r.status OPERATOR(pg_catalog.<>) 'completed') AS failed,
        pg_catalog.percentile_cont('{0.5,0.95}'::pg_catalog.float8[]) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM r.finished_at OPERATOR(pg_catalog.-) r.started_at)::pg_catalog.float8) AS seconds
    FROM runmeta.run AS r
    WHERE r.task OPERATOR(pg_catalog.=) $1::pg_catalog.text AND r.finished_at OPERATOR(pg_catalog.>=) $2::pg_catalog.timestamptz
    GROUP BY 1
)
SELECT b.at, COALESCE(s.runs, 0), COALESCE(f.completed, 0), COALESCE(f.failed, 0), f.seconds[1], f.seconds[2]
FROM bucket AS b
LEFT JOIN started AS s ON s.n OPERATOR(pg_catalog.=) b.n
LEFT JOIN finished AS f ON f.n OPERATOR(pg_catalog.=) b.n
ORDER BY b.n
