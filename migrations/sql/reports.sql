-- What reports have beside the tables. Looked at by every run of the toolkit and made where it is missing: the views use
-- functions of the extension and columns of runs, so that whoever drops or changes one of those has to drop the views first.

DO $reports$
BEGIN
    -- A key that is no path is refused when it is stored, and not in the middle of a report.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid OPERATOR(pg_catalog.=) 'runmeta.task_setting'::pg_catalog.regclass
            AND c.conname OPERATOR(pg_catalog.=) 'task_setting_keys_are_paths'
    ) THEN
        ALTER TABLE runmeta.task_setting ADD CONSTRAINT task_setting_keys_are_paths CHECK (
            runmeta.number_at('{}', done_key) IS NULL AND runmeta.number_at('{}', total_key) IS NULL
        );
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid OPERATOR(pg_catalog.=) 'runmeta.tracked'::pg_catalog.regclass
            AND c.conname OPERATOR(pg_catalog.=) 'tracked_key_is_path'
    ) THEN
        ALTER TABLE runmeta.tracked ADD CONSTRAINT tracked_key_is_path CHECK (runmeta.number_at('{}', key) IS NULL);
    END IF;

    IF pg_catalog.to_regclass('runmeta.progress') IS NULL THEN
        -- What a run shows of itself is in runmeta._progress, whose statement becomes a part of this one.
        --
        -- Of a number that is tracked, the rate is that of late, by its history: a job that was held up for an hour, or that had
        -- much to read before it began to count, is done when it is at the speed of now.
        --
        -- 30 µs for each run that a query looks at, of which 7 look for what waits in the inbox.
        CREATE VIEW runmeta.progress WITH (security_invoker = true) AS
        SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt,
            m.label, m.done, m.total,
            CASE WHEN m.done IS NULL THEN NULL
                WHEN m.done OPERATOR(pg_catalog.>=) m.total THEN 100
                ELSE GREATEST(pg_catalog.div(m.done OPERATOR(pg_catalog.*) 100, m.total), 0)::pg_catalog.int4
            END AS percent,
            CASE WHEN m.grows THEN s.amount OPERATOR(pg_catalog./) s.seconds END AS rate,
            m.elapsed,
            -- In seconds, and none above some 300 years, which are more than an estimate.
            CASE WHEN m.grows AND s.work OPERATOR(pg_catalog.<) (s.amount OPERATOR(pg_catalog.*) 1e10)
                THEN '1 second'::pg_catalog.interval OPERATOR(pg_catalog.*)
                    pg_catalog.round(s.work OPERATOR(pg_catalog./) s.amount)::pg_catalog.float8
            END AS time_left,
            r.created_at, r.started_at, r.updated_at, r.finished_at
        FROM runmeta.live_run AS r
        LEFT JOIN runmeta.task_setting AS t ON t.task OPERATOR(pg_catalog.=) r.task
        CROSS JOIN LATERAL runmeta._progress(r.metadata, r.started_at, r.finished_at, t.done_key, t.total_key, t.total) AS m
        LEFT JOIN LATERAL (
            SELECT runmeta._recent_rate(h.at, h.value, h.spacing, r.started_at, pg_catalog.now(), m.done)::pg_catalog.numeric AS rate
            FROM runmeta.history AS h
            WHERE m.grows AND h.root_id OPERATOR(pg_catalog.=) r.root_id AND h.run_id OPERATOR(pg_catalog.=) r.id
                AND h.key OPERATOR(pg_catalog.=) m.key AND h.run_created_at OPERATOR(pg_catalog.=) r.created_at
            OFFSET 0
        ) AS h ON true
        CROSS JOIN LATERAL (
            -- How much was done in how many seconds.
            SELECT a.amount, a.seconds, GREATEST(m.total OPERATOR(pg_catalog.-) m.done, 0) OPERATOR(pg_catalog.*) a.seconds AS work
            FROM (SELECT COALESCE(h.rate, m.done), CASE WHEN h.rate IS NULL THEN m.seconds ELSE 1 END) AS a (amount, seconds)
        ) AS s;

        COMMENT ON VIEW runmeta.progress IS 'how far each run is, by the numbers in its metadata';
        COMMENT ON COLUMN runmeta.progress.label IS 'key of the number, or what is counted; null if the metadata has no progress';
        COMMENT ON COLUMN runmeta.progress.done IS 'how much is done';
        COMMENT ON COLUMN runmeta.progress.total IS 'how much there is to be done';
        COMMENT ON COLUMN runmeta.progress.percent IS 'part that is done, 0 to 100, rounded down';
        COMMENT ON COLUMN runmeta.progress.rate IS 'how much was done a second, of late where the number is tracked, else on average since the attempt began; null if nothing is left or the run has finished';
        COMMENT ON COLUMN runmeta.progress.elapsed IS 'how long the attempt has worked, or worked until it finished';
        COMMENT ON COLUMN runmeta.progress.time_left IS 'how long the rest takes at that rate';
        REVOKE ALL ON TABLE runmeta.progress FROM PUBLIC;
    END IF;

    IF pg_catalog.to_regclass('runmeta.task') IS NULL THEN
        -- Each name is found behind the one before it in the index by task and time: one look-up a task, however many runs
        -- there are.
        --
        -- Here and below, unnest has the planner expect ten rows, where it would expect 101 tasks of 1,000 hours each, and
        -- compile the query (JIT), which took 500 ms of the 540 of a summary.
        CREATE VIEW runmeta.task WITH (security_invoker = true) AS
        SELECT t.task,
            (SELECT pg_catalog.min(r.created_at) FROM runmeta.run AS r WHERE r.task OPERATOR(pg_catalog.=) t.task) AS oldest_at,
            (SELECT pg_catalog.max(r.created_at) FROM runmeta.run AS r WHERE r.task OPERATOR(pg_catalog.=) t.task) AS newest_at
        FROM pg_catalog.unnest(ARRAY(
            WITH RECURSIVE found AS (
                (SELECT r.task FROM runmeta.run AS r WHERE r.task IS NOT NULL ORDER BY r.task LIMIT 1)
                UNION ALL
                SELECT n.task
                FROM found AS f
                CROSS JOIN LATERAL (
                    SELECT r.task FROM runmeta.run AS r WHERE r.task OPERATOR(pg_catalog.>) f.task ORDER BY r.task LIMIT 1
                ) AS n
            )
            SELECT f.task FROM found AS f
        )) AS t (task);

        COMMENT ON VIEW runmeta.task IS 'tasks that have runs';
        COMMENT ON COLUMN runmeta.task.task IS 'name of the task';
        COMMENT ON COLUMN runmeta.task.oldest_at IS 'when its oldest run was first started';
        COMMENT ON COLUMN runmeta.task.newest_at IS 'when its newest run was first started';
        REVOKE ALL ON TABLE runmeta.task FROM PUBLIC;
    END IF;

    IF pg_catalog.to_regclass('runmeta.task_summary') IS NULL THEN
        -- Hours are made first, so that a condition on the hour decides which of them are looked at, and the runs of each
        -- are found by the index by task and time. Grouped by an hour that is computed of each run, all runs would be read.
        -- No more than a year: a single run with a time before Christ would have 18 million hours made.
        CREATE VIEW runmeta.task_summary WITH (security_invoker = true) AS
        SELECT t.task, h.hour, s.runs, s.waiting, s.working, s.finished, s.succeeded, s.failed, s.cancelled, s.retried,
            s.wait_median, s.wait_p95, s.duration_median, s.duration_p95, s.duration_longest, s.duration_sum
        FROM runmeta.task AS t
        CROSS JOIN LATERAL pg_catalog.unnest(ARRAY(
            SELECT pg_catalog.generate_series(
                pg_catalog.date_bin('1 hour',
                    GREATEST(t.oldest_at, pg_catalog.now() OPERATOR(pg_catalog.-) '366 days'::pg_catalog.interval),
                    '2000-01-01 00:00:00+00'),
                LEAST(t.newest_at, pg_catalog.now()), '1 hour')
        )) AS h (hour)
        CROSS JOIN LATERAL (
            SELECT
                pg_catalog.count(*) AS runs,
                pg_catalog.count(*) FILTER (WHERE r.finished_at IS NULL AND r.started_at IS NULL) AS waiting,
                pg_catalog.count(*) FILTER (WHERE r.finished_at IS NULL AND r.started_at IS NOT NULL) AS working,
                pg_catalog.count(r.finished_at) AS finished,
                pg_catalog.count(*) FILTER (WHERE r.finished_at IS NOT NULL AND pg_catalog.lower(r.status) OPERATOR(pg_catalog.=) ANY (
                    '{completed,complete,succeeded,success,done}')) AS succeeded,
                pg_catalog.count(*) FILTER (WHERE r.finished_at IS NOT NULL AND pg_catalog.lower(r.status) OPERATOR(pg_catalog.=) ANY (
                    '{failed,error,discarded,crashed,killed,expired,timeout,timed_out}')) AS failed,
                pg_catalog.count(*) FILTER (WHERE r.finished_at IS NOT NULL AND pg_catalog.lower(r.status) OPERATOR(pg_catalog.=) ANY (
                    '{cancelled,canceled,aborted}')) AS cancelled,
                pg_catalog.count(*) FILTER (WHERE r.attempt OPERATOR(pg_catalog.>) 1) AS retried,
                -- A later attempt waited after the ones before it had failed.
                pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY r.wait)
                    FILTER (WHERE r.attempt OPERATOR(pg_catalog.=) 1) AS wait_median,
                pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY r.wait)
                    FILTER (WHERE r.attempt OPERATOR(pg_catalog.=) 1) AS wait_p95,
                pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration) AS duration_median,
                pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration) AS duration_p95,
                pg_catalog.max(r.duration) AS duration_longest,
                pg_catalog.sum(r.duration) AS duration_sum
            FROM (
                SELECT r.status, r.attempt, r.started_at, r.finished_at,
                    CASE WHEN pg_catalog.isfinite(r.started_at) THEN r.started_at OPERATOR(pg_catalog.-) r.created_at END AS wait,
                    CASE WHEN pg_catalog.isfinite(r.started_at) AND pg_catalog.isfinite(r.finished_at)
                        THEN r.finished_at OPERATOR(pg_catalog.-) r.started_at
                    END AS duration
                FROM runmeta.run AS r
                WHERE r.task OPERATOR(pg_catalog.=) t.task AND r.created_at OPERATOR(pg_catalog.>=) h.hour
                    AND r.created_at OPERATOR(pg_catalog.<) (h.hour OPERATOR(pg_catalog.+) '1 hour'::pg_catalog.interval)
            ) AS r
        ) AS s
        WHERE s.runs OPERATOR(pg_catalog.>) 0;

        COMMENT ON VIEW runmeta.task_summary IS 'runs of each task by the hour in which they were created: counts, waits and durations';
        COMMENT ON COLUMN runmeta.task_summary.hour IS 'hour of UTC in which the runs were first started';
        COMMENT ON COLUMN runmeta.task_summary.waiting IS 'runs that wait now';
        COMMENT ON COLUMN runmeta.task_summary.working IS 'runs that work now';
        COMMENT ON COLUMN runmeta.task_summary.finished IS 'runs that have finished, whatever their status';
        COMMENT ON COLUMN runmeta.task_summary.succeeded IS 'those that finished with a word for success';
        COMMENT ON COLUMN runmeta.task_summary.failed IS 'those that finished with a word for failure';
        COMMENT ON COLUMN runmeta.task_summary.cancelled IS 'those that were cancelled';
        COMMENT ON COLUMN runmeta.task_summary.retried IS 'runs at a later attempt than the first';
        COMMENT ON COLUMN runmeta.task_summary.wait_median IS 'how long first attempts waited, half of them less';
        COMMENT ON COLUMN runmeta.task_summary.wait_p95 IS 'how long first attempts waited, 95 percent of them less';
        COMMENT ON COLUMN runmeta.task_summary.duration_median IS 'how long the last attempts worked, half of them less';
        COMMENT ON COLUMN runmeta.task_summary.duration_p95 IS 'how long the last attempts worked, 95 percent of them less';
        COMMENT ON COLUMN runmeta.task_summary.duration_longest IS 'how long the longest of them worked';
        COMMENT ON COLUMN runmeta.task_summary.duration_sum IS 'how long they worked together';
        REVOKE ALL ON TABLE runmeta.task_summary FROM PUBLIC;
    END IF;

    IF pg_catalog.to_regclass('runmeta.stuck_run') IS NULL THEN
        CREATE VIEW runmeta.stuck_run WITH (security_invoker = true) AS
        SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt,
            c.reason, c.since,
            CASE WHEN pg_catalog.isfinite(c.since) THEN pg_catalog.now() OPERATOR(pg_catalog.-) c.since END AS lasts, c.permitted,
            r.created_at, r.started_at, u.updated_at
        FROM runmeta.run AS r
        LEFT JOIN runmeta.task_setting AS t ON t.task OPERATOR(pg_catalog.=) r.task
        CROSS JOIN LATERAL (
            SELECT runmeta._live_updated_at(r.updated_at, r.root_id, r.id, r.created_at) AS updated_at OFFSET 0
        ) AS u
        CROSS JOIN LATERAL (
            SELECT 'waiting' AS reason, r.created_at AS since, t.wait_limit AS permitted
            WHERE r.started_at IS NULL AND r.created_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) t.wait_limit)
            UNION ALL
            SELECT 'overdue', r.started_at, t.time_limit
            WHERE r.started_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) t.time_limit)
            UNION ALL
            SELECT 'silent', u.updated_at, COALESCE(t.silent_limit, '1 hour')
            WHERE r.started_at IS NOT NULL
                -- A run that waits for its children is not stuck; one of them may be, and is then found by itself. CASE has
                -- the children looked for last, and so for few runs.
                AND CASE
                    WHEN u.updated_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) COALESCE(t.silent_limit, '1 hour'))
                        AND pg_catalog.lower(r.status) OPERATOR(pg_catalog.<>) ALL ('{paused,waiting,retrying}')
                    THEN NOT EXISTS (
                        SELECT FROM runmeta.run AS child
                        WHERE child.root_id OPERATOR(pg_catalog.=) r.root_id AND child.parent_id OPERATOR(pg_catalog.=) r.id
                            AND child.finished_at IS NULL
                    )
                END
            UNION ALL
            SELECT 'stalled', s.since, s.permitted
            FROM (
                -- Of several numbers, the one that changed last. A change since the last sample of one is an infinite time.
                SELECT GREATEST(r.started_at, pg_catalog.max(runmeta._last_change(h.at, h.value, runmeta.number_at(l.metadata, h.key))))
                        AS since,
                    COALESCE(t.stall_limit, '1 hour') AS permitted
                FROM (
                    SELECT runmeta._live_metadata(r.metadata, r.root_id, r.id, r.created_at) AS metadata
                    WHERE r.started_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) COALESCE(t.stall_limit, '1 hour'))
                    OFFSET 0
                ) AS l
                CROSS JOIN runmeta.history AS h
                WHERE h.root_id OPERATOR(pg_catalog.=) r.root_id AND h.run_id OPERATOR(pg_catalog.=) r.id
                    AND h.run_created_at OPERATOR(pg_catalog.=) r.created_at
                    AND EXISTS (
                        SELECT FROM runmeta.tracked AS k
                        WHERE k.task OPERATOR(pg_catalog.=) r.task AND k.key OPERATOR(pg_catalog.=) h.key
                    )
                HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
                OFFSET 0
            ) AS s
            WHERE CASE
                WHEN s.since OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) s.permitted)
                    AND pg_catalog.lower(r.status) OPERATOR(pg_catalog.<>) ALL ('{paused,waiting,retrying}')
                THEN NOT EXISTS (
                    SELECT FROM runmeta.run AS child
                    WHERE child.root_id OPERATOR(pg_catalog.=) r.root_id AND child.parent_id OPERATOR(pg_catalog.=) r.id
                        AND child.finished_at IS NULL
                )
            END
            LIMIT 1
        ) AS c
        WHERE r.finished_at IS NULL;

        COMMENT ON VIEW runmeta.stuck_run IS 'runs that have not finished and that somebody should look at';
        COMMENT ON COLUMN runmeta.stuck_run.reason IS 'silent: it works, and nobody has written to it; stalled: it works, and none of its tracked numbers has changed; waiting: it waits; overdue: its attempt works; each for longer than its task permits';
        COMMENT ON COLUMN runmeta.stuck_run.since IS 'time from which that is counted';
        COMMENT ON COLUMN runmeta.stuck_run.lasts IS 'how long that is ago';
        COMMENT ON COLUMN runmeta.stuck_run.permitted IS 'how long its task permits it';
        COMMENT ON COLUMN runmeta.stuck_run.updated_at IS 'when the run last changed';
        REVOKE ALL ON TABLE runmeta.stuck_run FROM PUBLIC;
    END IF;
END
$reports$;
