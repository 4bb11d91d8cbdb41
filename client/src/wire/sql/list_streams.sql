-- $1: the run.
SELECT s.stream, s.chunks, s.closed_at, s.error
FROM runmeta.streams($1::pg_catalog.text) AS s
ORDER BY s.stream
