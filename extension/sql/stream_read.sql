-- stream_read

-- Chunks are numbered without gaps, so what is wanted is a range of numbers: the rows in which they are come from the
-- index, and only those. With the caller's rights: policies show the streams of runs that he sees.
CREATE FUNCTION runmeta.stream_read(
    run_id pg_catalog.text,
    stream pg_catalog.text DEFAULT 'default',
    after pg_catalog.int8 DEFAULT -1,
    max pg_catalog.int4 DEFAULT 1000
) RETURNS TABLE (number pg_catalog.int8, chunk pg_catalog.jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 1000
AS $stream_read$
DECLARE
    wanted_run CONSTANT pg_catalog.text := stream_read.run_id;
    wanted_stream CONSTANT pg_catalog.text := COALESCE(stream_read.stream, 'default');
    most CONSTANT pg_catalog.int8 := COALESCE(stream_read.max, 1000);
    -- Numbers from lower to upper are read. One that would pass the end of a bigint names no chunk.
    lower CONSTANT pg_catalog.int8 := GREATEST(
        LEAST(COALESCE(stream_read.after, -1), 9223372036854775806 OPERATOR(pg_catalog.-) GREATEST(most, 0)), -1
    ) OPERATOR(pg_catalog.+) 1;
    upper CONSTANT pg_catalog.int8 := lower OPERATOR(pg_catalog.+) most OPERATOR(pg_catalog.-) 1;
    root CONSTANT pg_catalog.text := runmeta._root_of(stream_read.run_id);
    tree pg_catalog.text;
    created pg_catalog.timestamptz;
BEGIN
    IF most OPERATOR(pg_catalog.<) 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('%s is not positive', 'max'),
            HINT = 'Give a whole number from 1.';
    END IF;
    SELECT r.root_id, r.created_at INTO tree, created FROM runmeta.run AS r
    WHERE r.id OPERATOR(pg_catalog.=) wanted_run COLLATE pg_catalog."C"
        AND (NOT runmeta._is_split() OR r.root_id OPERATOR(pg_catalog.=) root COLLATE pg_catalog."C");
    RETURN QUERY
        WITH own AS MATERIALIZED (
            SELECT s.chunks, s.tail FROM runmeta.stream AS s
            WHERE s.root_id OPERATOR(pg_catalog.=) tree COLLATE pg_catalog."C"
                AND s.run_id OPERATOR(pg_catalog.=) wanted_run COLLATE pg_catalog."C"
                AND s.name OPERATOR(pg_catalog.=) wanted_stream COLLATE pg_catalog."C"
                AND s.run_created_at OPERATOR(pg_catalog.=) created
                AND s.chunks OPERATOR(pg_catalog.>) lower
        ), part AS (
            SELECT k.first, k.chunks FROM runmeta.stream_chunk AS k
            WHERE k.root_id OPERATOR(pg_catalog.=) tree COLLATE pg_catalog."C"
                AND k.run_id OPERATOR(pg_catalog.=) wanted_run COLLATE pg_catalog."C"
                AND k.stream OPERATOR(pg_catalog.=) wanted_stream COLLATE pg_catalog."C"
                AND k.first OPERATOR(pg_catalog.<=) upper
                -- The row with the first number that is wanted.
                AND k.first OPERATOR(pg_catalog.>=) (
                    SELECT b.first FROM runmeta.stream_chunk AS b
                    WHERE b.root_id OPERATOR(pg_catalog.=) tree COLLATE pg_catalog."C"
                        AND b.run_id OPERATOR(pg_catalog.=) wanted_run COLLATE pg_catalog."C"
                        AND b.stream OPERATOR(pg_catalog.=) wanted_stream COLLATE pg_catalog."C"
                        AND b.first OPERATOR(pg_catalog.<=) lower
                    ORDER BY b.first DESC LIMIT 1)
                AND EXISTS (SELECT FROM own)
            UNION ALL
            SELECT o.chunks OPERATOR(pg_catalog.-) pg_catalog.jsonb_array_length(o.tail), o.tail FROM own AS o
        )
        SELECT p.first OPERATOR(pg_catalog.+) e.position OPERATOR(pg_catalog.-) 1, e.chunk
        FROM part AS p
        CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(p.chunks) WITH ORDINALITY AS e (chunk, position)
        WHERE e.position OPERATOR(pg_catalog.>) (lower OPERATOR(pg_catalog.-) p.first)
            AND e.position OPERATOR(pg_catalog.<=) (upper OPERATOR(pg_catalog.-) p.first OPERATOR(pg_catalog.+) 1)
        ORDER BY 1;
END
$stream_read$;

COMMENT ON FUNCTION runmeta.stream_read IS
    'chunks of a stream behind a number, in their order; no row if there are none';
