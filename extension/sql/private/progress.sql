-- _progress

-- What runmeta.progress shows of one run. Its statement becomes a part of the query, as if the view had it: Citus takes no UNION and
-- no clock in a subquery without a table, and has the function called where the run is.
--
-- The measures are those of `runmeta watch` (cli/src/live/measure.rs), found by the names of numbers: a change there is a change
-- here, which tests/server/progress.rs compares. Names are cut into words only where they have what a measure needs, because that
-- takes 2 µs each. Each OFFSET 0 keeps an expression from being computed again wherever it is used.
CREATE FUNCTION runmeta._progress(
    metadata pg_catalog.jsonb,
    started_at pg_catalog.timestamptz,
    finished_at pg_catalog.timestamptz,
    done_key pg_catalog.text,
    total_key pg_catalog.text,
    whole pg_catalog.numeric
) RETURNS TABLE (
    label pg_catalog.text,
    key pg_catalog.text,
    done pg_catalog.numeric,
    total pg_catalog.numeric,
    elapsed pg_catalog.interval,
    seconds pg_catalog.numeric,
    grows pg_catalog.bool
)
LANGUAGE sql STABLE PARALLEL SAFE COST 100 ROWS 1
AS $progress$
    SELECT m.label, m.key, m.done, m.total, e.elapsed, e.seconds, g.grows
    FROM (
        -- No function stores anything but an object, but an UPDATE of a writer may. One such run must not fail a report of all.
        SELECT CASE WHEN pg_catalog.jsonb_typeof(l.metadata) OPERATOR(pg_catalog.=) 'object' THEN l.metadata END AS document
        FROM (SELECT _progress.metadata OFFSET 0) AS l
        OFFSET 0
    ) AS d
    LEFT JOIN LATERAL (
        SELECT f.label, f.key, f.done,
            -- A part of 1, or of 100 if it is greater.
            COALESCE(f.total, CASE WHEN f.done OPERATOR(pg_catalog.>) 1 THEN 100 ELSE 1 END) AS total
        FROM (
            SELECT _progress.done_key AS label, _progress.done_key AS key, runmeta.number_at(d.document, _progress.done_key) AS done,
                CASE WHEN _progress.total_key IS NULL THEN _progress.whole ELSE runmeta.number_at(d.document, _progress.total_key) END AS total,
                _progress.total_key IS NULL OR runmeta.number_at(d.document, _progress.total_key) OPERATOR(pg_catalog.>) 0 AS is_valid
            WHERE _progress.done_key IS NOT NULL
            UNION ALL
            (SELECT CASE
                    WHEN w.is_whole THEN pg_catalog.btrim(o.name OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) h.key)
                    WHEN w.subject OPERATOR(pg_catalog.<>) '' THEN pg_catalog.translate(w.subject, '_', ' ')
                    WHEN o.name OPERATOR(pg_catalog.<>) '' THEN o.name
                    ELSE p.key
                END,
                -- As it would be tracked.
                CASE WHEN o.name OPERATOR(pg_catalog.<>) '' THEN '$.' OPERATOR(pg_catalog.||) o.name OPERATOR(pg_catalog.||) '.' ELSE '' END
                    OPERATOR(pg_catalog.||) CASE WHEN w.is_whole THEN h.key ELSE p.key END,
                (CASE WHEN w.is_whole THEN h.value ELSE p.value END)::pg_catalog.numeric,
                CASE WHEN NOT w.is_whole THEN h.value::pg_catalog.numeric END,
                true
            FROM (
                SELECT '' AS name, d.document AS members
                UNION ALL
                SELECT m.key, m.value
                FROM pg_catalog.jsonb_each(d.document) AS m
                WHERE pg_catalog.jsonb_typeof(m.value) OPERATOR(pg_catalog.=) 'object'
            ) AS o
            -- Of 15,000 totals in one document, each would be looked for among all the numbers, which takes minutes.
            CROSS JOIN LATERAL (
                SELECT n.key, n.value
                FROM pg_catalog.jsonb_each(o.members) AS n
                WHERE pg_catalog.jsonb_typeof(n.value) OPERATOR(pg_catalog.=) 'number'
                    AND pg_catalog.lower(n.key COLLATE pg_catalog."C") OPERATOR(pg_catalog.~) 'total|progress'
                ORDER BY pg_catalog.lower(n.key COLLATE pg_catalog."C") OPERATOR(pg_catalog.!~~) '%progress%', n.key COLLATE pg_catalog."C"
                LIMIT 32
            ) AS h
            -- processedRows, processed-rows and processed_rows are the words processed_rows.
            CROSS JOIN LATERAL (
                SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.lower(pg_catalog.regexp_replace(
                    h.key COLLATE pg_catalog."C", '(?<=[a-z0-9])(?=[A-Z])', '_', 'g')),
                    '[\u0001-/:-@[-`{-\u007f]+', '_', 'g'), '_') AS words
                OFFSET 0
            ) AS k
            CROSS JOIN LATERAL (
                SELECT k.words OPERATOR(pg_catalog.=) 'progress' OR k.words OPERATOR(pg_catalog.~~) '%\_progress' AS is_whole,
                    CASE
                        WHEN k.words OPERATOR(pg_catalog.=) 'total' THEN ''
                        WHEN pg_catalog.starts_with(k.words, 'total_') THEN pg_catalog.substr(k.words, 7)
                        WHEN k.words OPERATOR(pg_catalog.~~) '%\_total' THEN pg_catalog.left(k.words, -6)
                    END AS subject
                OFFSET 0
            ) AS w
            -- What is done of a total.
            LEFT JOIN LATERAL (
                SELECT n.key, n.value
                FROM pg_catalog.jsonb_each(o.members) AS n
                CROSS JOIN LATERAL (
                    SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.lower(pg_catalog.regexp_replace(
                        n.key COLLATE pg_catalog."C", '(?<=[a-z0-9])(?=[A-Z])', '_', 'g')),
                        '[\u0001-/:-@[-`{-\u007f]+', '_', 'g'), '_') AS words
                    OFFSET 0
                ) AS b
                CROSS JOIN LATERAL (
                    SELECT pg_catalog.array_position(
                        CASE WHEN w.subject OPERATOR(pg_catalog.=) '' THEN
                            ARRAY['done', '-', 'processed', '-', 'completed', '-', 'finished', '-', 'current']
                        ELSE ARRAY[
                            'done_' OPERATOR(pg_catalog.||) w.subject, w.subject OPERATOR(pg_catalog.||) '_done',
                            'processed_' OPERATOR(pg_catalog.||) w.subject, w.subject OPERATOR(pg_catalog.||) '_processed',
                            'completed_' OPERATOR(pg_catalog.||) w.subject, w.subject OPERATOR(pg_catalog.||) '_completed',
                            'finished_' OPERATOR(pg_catalog.||) w.subject, w.subject OPERATOR(pg_catalog.||) '_finished',
                            'current_' OPERATOR(pg_catalog.||) w.subject, w.subject OPERATOR(pg_catalog.||) '_current',
                            w.subject
                        ] END,
                        b.words
                    ) AS place
                    OFFSET 0
                ) AS a
                WHERE pg_catalog.jsonb_typeof(n.value) OPERATOR(pg_catalog.=) 'number'
                    AND n.key OPERATOR(pg_catalog.<>) h.key
                    AND pg_catalog.strpos(pg_catalog.lower(n.key COLLATE pg_catalog."C"), pg_catalog.split_part(w.subject, '_', 1))
                        OPERATOR(pg_catalog.>) 0
                    AND a.place IS NOT NULL
                    -- Of two such words, the first is the one that is left out.
                    AND (a.place OPERATOR(pg_catalog.%) 2 OPERATOR(pg_catalog.=) 1
                        OR pg_catalog.split_part(b.words, '_', 1) OPERATOR(pg_catalog.<>) pg_catalog.split_part(b.words, '_', -1))
                ORDER BY (a.place OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 2, n.key COLLATE pg_catalog."C"
                LIMIT 1
            ) AS p ON NOT w.is_whole
            WHERE _progress.done_key IS NULL
                AND (w.is_whole OR (
                    p.key IS NOT NULL AND h.value OPERATOR(pg_catalog.>) '0'::pg_catalog.jsonb
                ))
            ORDER BY w.is_whole DESC, o.name OPERATOR(pg_catalog.<>) '', o.name COLLATE pg_catalog."C", h.key COLLATE pg_catalog."C"
            LIMIT 1)
        ) AS f
        -- The range of numbers that other programs read. Beyond it, arithmetic could fail.
        WHERE f.is_valid AND pg_catalog.abs(f.done) OPERATOR(pg_catalog.<) 1e300
            AND COALESCE(pg_catalog.abs(f.total) OPERATOR(pg_catalog.<) 1e300, true)
    ) AS m ON true
    CROSS JOIN LATERAL (
        SELECT u.elapsed, pg_catalog.date_part('epoch', u.elapsed)::pg_catalog.numeric AS seconds
        FROM (
            -- Clocks of two machines differ. An infinite time has no distance.
            SELECT CASE WHEN pg_catalog.isfinite(_progress.started_at) AND pg_catalog.isfinite(COALESCE(_progress.finished_at, _progress.started_at))
                THEN GREATEST(
                    COALESCE(_progress.finished_at, pg_catalog.now()) OPERATOR(pg_catalog.-) _progress.started_at, '0'::pg_catalog.interval)
            END
            OFFSET 0
        ) AS u (elapsed)
    ) AS e
    CROSS JOIN LATERAL (
        -- The rate of a shorter time varies too much to be shown.
        SELECT _progress.finished_at IS NULL AND e.seconds OPERATOR(pg_catalog.>=) 0.5
            AND m.done OPERATOR(pg_catalog.>) 0 AND m.done OPERATOR(pg_catalog.<) m.total AS grows
        OFFSET 0
    ) AS g
$progress$;

COMMENT ON FUNCTION runmeta._progress IS 'how far a run is, by the numbers in its metadata';
