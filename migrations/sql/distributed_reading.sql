-- What reading needs otherwise where Citus has distributed the tables: views in the shapes that Citus takes, which show the same, and
-- settings of functions, which citus_nodes.sql makes and this takes back. Looked at by every run of the toolkit and made where something is missing, before the file that makes the
-- other views.

DO $distributed_reading$
DECLARE
    reading pg_catalog.regprocedure;
BEGIN
    IF NOT runmeta._is_distributed() THEN
        FOR reading IN
            SELECT p.oid FROM pg_catalog.pg_proc AS p
            WHERE p.pronamespace OPERATOR(pg_catalog.=) 'runmeta'::pg_catalog.regnamespace
                AND 'citus.allow_nested_distributed_execution=on' OPERATOR(pg_catalog.=) ANY (p.proconfig)
        LOOP
            EXECUTE pg_catalog.format('ALTER FUNCTION %s RESET citus.allow_nested_distributed_execution', reading);
        END LOOP;
        RETURN;
    END IF;

    -- There no query goes from one task to the next, or looks for the runs of each hour: all runs that have a task are read.
    IF pg_catalog.to_regclass('runmeta.task') IS NULL THEN
        CREATE VIEW runmeta.task WITH (security_invoker = true) AS
        SELECT r.task, pg_catalog.min(r.created_at) AS oldest_at, pg_catalog.max(r.created_at) AS newest_at
        FROM runmeta.run AS r
        WHERE r.task IS NOT NULL
        GROUP BY r.task;
        COMMENT ON VIEW runmeta.task IS 'tasks that have runs';
        REVOKE ALL ON TABLE runmeta.task FROM PUBLIC;
    END IF;

    IF pg_catalog.to_regclass('runmeta.task_summary') IS NULL THEN
        CREATE VIEW runmeta.task_summary WITH (security_invoker = true) AS
        SELECT r.task, r.hour,
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
            SELECT r.task, r.status, r.attempt, r.started_at, r.finished_at,
                -- An infinite time is in no hour.
                CASE WHEN pg_catalog.isfinite(r.created_at)
                    THEN pg_catalog.date_bin('1 hour', r.created_at, '2000-01-01 00:00:00+00')
                END AS hour,
                CASE WHEN pg_catalog.isfinite(r.started_at) THEN r.started_at OPERATOR(pg_catalog.-) r.created_at END AS wait,
                CASE WHEN pg_catalog.isfinite(r.started_at) AND pg_catalog.isfinite(r.finished_at)
                    THEN r.finished_at OPERATOR(pg_catalog.-) r.started_at
                END AS duration
            FROM runmeta.run AS r
            WHERE r.task IS NOT NULL AND r.created_at OPERATOR(pg_catalog.>=) pg_catalog.date_bin('1 hour',
                    pg_catalog.now() OPERATOR(pg_catalog.-) '366 days'::pg_catalog.interval, '2000-01-01 00:00:00+00')
                AND r.created_at OPERATOR(pg_catalog.<) (pg_catalog.date_bin('1 hour', pg_catalog.now(), '2000-01-01 00:00:00+00')
                    OPERATOR(pg_catalog.+) '1 hour'::pg_catalog.interval)
        ) AS r
        GROUP BY r.task, r.hour;
        COMMENT ON VIEW runmeta.task_summary IS 'runs of each task by the hour in which they were created: counts, waits and durations';
        REVOKE ALL ON TABLE runmeta.task_summary FROM PUBLIC;
    END IF;

    -- Without a UNION in a subquery or a CASE of a value, which Citus sends on as something else, and with what is asked of other tables joined.
    IF pg_catalog.to_regclass('runmeta.stuck_run') IS NULL THEN
        CREATE VIEW runmeta.stuck_run WITH (security_invoker = true) AS
        SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt,
            r.reason, r.since,
            CASE WHEN pg_catalog.isfinite(r.since) THEN pg_catalog.now() OPERATOR(pg_catalog.-) r.since END AS lasts, r.permitted,
            r.created_at, r.started_at, r.updated_at
        FROM (
            SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt, r.created_at, r.started_at, r.updated_at,
                r.reason,
                CASE WHEN r.reason OPERATOR(pg_catalog.=) 'waiting' THEN r.created_at WHEN r.reason OPERATOR(pg_catalog.=) 'overdue' THEN r.started_at
                    WHEN r.reason OPERATOR(pg_catalog.=) 'silent' THEN r.updated_at ELSE r.changed_at END AS since,
                CASE WHEN r.reason OPERATOR(pg_catalog.=) 'waiting' THEN r.wait_limit WHEN r.reason OPERATOR(pg_catalog.=) 'overdue' THEN r.time_limit
                    WHEN r.reason OPERATOR(pg_catalog.=) 'silent' THEN r.silent_limit ELSE r.stall_limit END AS permitted
            FROM (
                SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt, r.created_at, r.started_at, r.updated_at,
                    r.wait_limit, r.time_limit, r.silent_limit, r.stall_limit, r.changed_at,
                    CASE
                        WHEN r.started_at IS NULL THEN
                            CASE WHEN r.created_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) r.wait_limit) THEN 'waiting' END
                        WHEN r.started_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) r.time_limit) THEN 'overdue'
                        WHEN pg_catalog.lower(r.status) OPERATOR(pg_catalog.=) ANY ('{paused,waiting,retrying}') OR r.has_child THEN NULL
                        WHEN r.updated_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) r.silent_limit) THEN 'silent'
                        WHEN r.changed_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) r.stall_limit) THEN 'stalled'
                    END AS reason
                FROM (
                    SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt, r.created_at, r.started_at,
                        r.updated_at, t.wait_limit, t.time_limit, COALESCE(t.silent_limit, '1 hour') AS silent_limit,
                        COALESCE(t.stall_limit, '1 hour') AS stall_limit, c.has_child,
                        CASE WHEN s.samples OPERATOR(pg_catalog.>) 0 THEN GREATEST(r.started_at, s.changed_at) END AS changed_at
                    FROM runmeta.run AS r
                    LEFT JOIN runmeta.task_setting AS t ON t.task OPERATOR(pg_catalog.=) r.task
                    LEFT JOIN LATERAL (
                        SELECT pg_catalog.count(*) AS samples,
                            pg_catalog.max(runmeta._last_change(h.at, h.value, runmeta.number_at(r.metadata, h.key))) AS changed_at
                        FROM runmeta.history AS h
                        JOIN runmeta.tracked AS k ON k.key OPERATOR(pg_catalog.=) h.key
                        WHERE h.root_id OPERATOR(pg_catalog.=) r.root_id AND h.run_id OPERATOR(pg_catalog.=) r.id
                            AND h.run_created_at OPERATOR(pg_catalog.=) r.created_at AND k.task OPERATOR(pg_catalog.=) r.task
                    ) AS s ON true
                    LEFT JOIN LATERAL (
                        SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS has_child
                        FROM runmeta.run AS c
                        WHERE c.root_id OPERATOR(pg_catalog.=) r.root_id AND c.parent_id OPERATOR(pg_catalog.=) r.id
                            AND c.finished_at IS NULL
                    ) AS c ON true
                    WHERE r.finished_at IS NULL
                ) AS r
            ) AS r
            WHERE r.reason IS NOT NULL
        ) AS r;
        COMMENT ON VIEW runmeta.stuck_run IS 'runs that have not finished and that somebody should look at';
        REVOKE ALL ON TABLE runmeta.stuck_run FROM PUBLIC;
    END IF;
END
$distributed_reading$;
