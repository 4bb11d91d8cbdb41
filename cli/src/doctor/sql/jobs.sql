-- How long the oldest of some changes of jobs has waited for its run.
SELECT EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.min(t.at))::pg_catalog.float8
FROM (SELECT w.at FROM runmeta.transition AS w LIMIT 10000) AS t
