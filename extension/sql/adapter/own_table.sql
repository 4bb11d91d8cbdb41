-- _adapter_own_table

-- A table of one's own: for each member of the mapping a column of it, or an expression over its row, which is j.
CREATE FUNCTION runmeta._adapter_own_table(
    jobs pg_catalog.regclass,
    mapping pg_catalog.jsonb
) RETURNS pg_catalog.text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $query$
DECLARE
    known CONSTANT pg_catalog.text[] := ARRAY[
        'id', 'status', 'attempt', 'error', 'task', 'created_at', 'started_at', 'finished_at', 'deleted', 'statuses'
    ];
    unknown pg_catalog.text;
    given pg_catalog.jsonb := COALESCE(mapping, '{}');
    expressions pg_catalog.jsonb;
    words pg_catalog.text;
    status pg_catalog.text;
BEGIN
    SELECT pg_catalog.min(m.key) INTO unknown
    FROM pg_catalog.jsonb_each(given) AS m
    WHERE NOT (m.key OPERATOR(pg_catalog.=) ANY (known));
    IF unknown IS NOT NULL OR given OPERATOR(pg_catalog.->>) 'id' IS NULL OR given OPERATOR(pg_catalog.->>) 'status' IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = CASE WHEN unknown IS NULL THEN 'mapping has no id or no status'
                ELSE pg_catalog.format('mapping has the unknown member "%s"', unknown) END,
            HINT = pg_catalog.format('It names columns or expressions for %s.', pg_catalog.array_to_string(known, ', '));
    END IF;
    SELECT pg_catalog.min(m.value) INTO unknown
    FROM pg_catalog.jsonb_each_text(given OPERATOR(pg_catalog.->) 'statuses') AS m
    WHERE NOT (m.value OPERATOR(pg_catalog.=) ANY (
        ARRAY['queued', 'running', 'retrying', 'completed', 'failed', 'cancelled']::pg_catalog.text[]));
    IF NOT (given OPERATOR(pg_catalog.->>) 'deleted' OPERATOR(pg_catalog.=) ANY (
        ARRAY['completed', 'failed', 'cancelled']::pg_catalog.text[])) THEN
        unknown := given OPERATOR(pg_catalog.->>) 'deleted';
    END IF;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('"%s" is no status of a run that follows a job', unknown),
            HINT = 'These are queued, running, retrying, completed, failed and cancelled, and of a job that is deleted the last three.';
    END IF;
    -- The order of a job's changes is that of the locks on its row: there is one row for each id.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0]
        WHERE i.indrelid OPERATOR(pg_catalog.=) jobs AND i.indisunique AND i.indnkeyatts OPERATOR(pg_catalog.=) 1::pg_catalog.int2
            AND i.indpred IS NULL AND a.attname OPERATOR(pg_catalog.=) (given OPERATOR(pg_catalog.->>) 'id')::pg_catalog.name
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('"%s" is no column of %s with a unique index', given OPERATOR(pg_catalog.->>) 'id', jobs),
            HINT = 'Name the column that identifies a job, and make it unique.';
    END IF;
    SELECT pg_catalog.jsonb_object_agg(m.key, CASE WHEN a.attname IS NULL
        THEN pg_catalog.format('(%s)', m.value) ELSE pg_catalog.format('j.%I', a.attname) END)
    INTO expressions
    FROM pg_catalog.jsonb_each_text(given OPERATOR(pg_catalog.-) 'statuses') AS m
    LEFT JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid OPERATOR(pg_catalog.=) jobs AND a.attname OPERATOR(pg_catalog.=) m.value::pg_catalog.name
        AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped;
    SELECT pg_catalog.string_agg(pg_catalog.format(
        'WHEN %s::pg_catalog.text OPERATOR(pg_catalog.=) %L THEN %L ', expressions OPERATOR(pg_catalog.->>) 'status', m.key, m.value),
        '' ORDER BY m.key USING OPERATOR(pg_catalog.<))
    INTO words
    FROM pg_catalog.jsonb_each_text(given OPERATOR(pg_catalog.->) 'statuses') AS m;
    status := pg_catalog.format('CASE %sELSE pg_catalog."left"(%s::pg_catalog.text, 256) END',
        COALESCE(words, 'WHEN false THEN NULL '), expressions OPERATOR(pg_catalog.->>) 'status');
    -- Many a table keeps its last error while the next attempt works, and when that succeeded.
    RETURN pg_catalog.format($row$
SELECT pg_catalog."left"(%s::pg_catalog.text, 256) AS id,
    %s AS status,
    %L AS deleted,
    %s::pg_catalog.int4 AS attempt,
    CASE WHEN %s OPERATOR(pg_catalog.<>) ALL (ARRAY['running', 'completed']::pg_catalog.text[]) THEN %s::pg_catalog.text END AS error, pg_catalog."left"(%s::pg_catalog.text, 256) AS task,
    %s::pg_catalog.timestamptz AS created_at, %s::pg_catalog.timestamptz AS started_at,
    %s::pg_catalog.timestamptz AS finished_at$row$,
        expressions OPERATOR(pg_catalog.->>) 'id',
        status,
        COALESCE(given OPERATOR(pg_catalog.->>) 'deleted', 'cancelled'),
        COALESCE(expressions OPERATOR(pg_catalog.->>) 'attempt', 'NULL'),
        status,
        COALESCE(expressions OPERATOR(pg_catalog.->>) 'error', 'NULL'),
        COALESCE(expressions OPERATOR(pg_catalog.->>) 'task', 'NULL'),
        COALESCE(expressions OPERATOR(pg_catalog.->>) 'created_at', 'NULL'),
        COALESCE(expressions OPERATOR(pg_catalog.->>) 'started_at', 'NULL'),
        COALESCE(expressions OPERATOR(pg_catalog.->>) 'finished_at', 'NULL'));
END
$query$;

COMMENT ON FUNCTION runmeta._adapter_own_table IS 'list of a query for what the rows of a table of one''s own mean';
