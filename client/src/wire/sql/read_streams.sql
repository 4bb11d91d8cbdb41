-- For each stream, $1: its run, $2: its name, $3: the number behind which chunks are wanted, $4: how many, $5: no more once they have
-- so many bytes. One is read whatever its size. State and chunks of a stream are of the same moment.
SELECT
    r.created_at,
    r.finished_at IS NOT NULL,
    s.created_at,
    COALESCE(s.chunks, 0),
    s.closed_at IS NOT NULL,
    s.error,
    (
        SELECT pg_catalog.array_agg(c.chunk ORDER BY c.number)
        FROM (
            SELECT t.number, t.chunk, pg_catalog.sum(pg_catalog.octet_length(t.chunk)) OVER (ORDER BY t.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM (
                SELECT a.number, a.chunk::pg_catalog.text AS chunk
                FROM runmeta.stream_read(w.run, w.stream, w.after, w.chunks) AS a
            ) AS t
        ) AS c
        WHERE c.before IS NULL OR c.before OPERATOR(pg_catalog.<) w.bytes
    )
FROM ROWS FROM (
    pg_catalog.unnest($1::pg_catalog.text[]),
    pg_catalog.unnest($2::pg_catalog.text[]),
    pg_catalog.unnest($3::pg_catalog.int8[]),
    pg_catalog.unnest($4::pg_catalog.int4[]),
    pg_catalog.unnest($5::pg_catalog.int8[])
) WITH ORDINALITY AS w (run, stream, after, chunks, bytes, place)
LEFT JOIN runmeta.run AS r ON r.id OPERATOR(pg_catalog.=) w.run
LEFT JOIN runmeta.stream AS s
    ON s.root_id OPERATOR(pg_catalog.=) r.root_id
    AND s.run_id OPERATOR(pg_catalog.=) r.id
    AND s.name OPERATOR(pg_catalog.=) w.stream
    AND s.run_created_at OPERATOR(pg_catalog.=) r.created_at
ORDER BY w.place
