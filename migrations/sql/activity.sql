-- What is going on, in one row. Looked at by every run of the toolkit and made where it is missing: the view uses a
-- function of the extension, so that whoever drops the extension has to drop the view first.

DO $activity$
DECLARE
    is_distributed CONSTANT pg_catalog.bool := EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
            AND t.tgfoid OPERATOR(pg_catalog.=) pg_catalog.to_regproc('pg_catalog.citus_truncate_trigger')::pg_catalog.oid
    );
    definition pg_catalog.text;
BEGIN
    IF pg_catalog.to_regclass('runmeta.activity') IS NULL THEN
        -- With the rights of its owner, because nobody else may read the inbox. It shows counts and no metadata.
        --
        -- It never reads a whole table. Of the inbox and of the changes of jobs it reads 128 pages at each end, of the tables
        -- of writers, of unapplied operations and of failures the first 256 pages, 2 MB each; what is larger is estimated
        -- with Postgres' statistics.
        -- Of the unfinished runs it counts 10,000, by their index, unless that is full of dead rows: with a million of them
        -- the count took 0.5 s, and without 5 ms. Rows of the inbox and changes of jobs are found by where they lie, and
        -- not by an index or a LIMIT, which would walk past any number of dead rows.
        --
        -- Lines that end with "-- one server" are left out where runs are distributed over the nodes of a Citus cluster, and
        -- lines that begin with "-- nodes:" are part of it only there. A view that reads distributed tables has the rights of
        -- whoever reads it, and this one is to have those of its owner.
        definition := $view$
        CREATE VIEW runmeta.activity AS
        WITH inbox_size AS (
            SELECT pg_catalog.pg_relation_size('runmeta.inbox'::pg_catalog.regclass)
                OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8 AS pages
        ), inbox_rows AS (
            SELECT i.run_id, i.created_at, pg_catalog.pg_column_size(i.operations) AS bytes
            FROM runmeta.inbox AS i
            WHERE i.ctid OPERATOR(pg_catalog.<) '(128,0)'::pg_catalog.tid
            UNION ALL
            SELECT i.run_id, i.created_at, pg_catalog.pg_column_size(i.operations)
            FROM runmeta.inbox AS i
            WHERE i.ctid OPERATOR(pg_catalog.>=) (
                SELECT pg_catalog.format('(%s,0)', GREATEST(s.pages OPERATOR(pg_catalog.-) 128, 128))::pg_catalog.tid
                FROM inbox_size AS s
            )
        ), inbox AS (
            SELECT pg_catalog.count(*) AS lists, pg_catalog.count(DISTINCT r.run_id) AS runs,
                COALESCE(pg_catalog.sum(r.bytes), 0) AS bytes, pg_catalog.min(r.created_at) AS oldest
            FROM inbox_rows AS r
        ), waiting AS (
            SELECT c.lists, c.runs, c.bytes, c.oldest, s.pages OPERATOR(pg_catalog.>) 256 AS is_estimate,
                CASE WHEN s.pages OPERATOR(pg_catalog.>) 256
                    THEN GREATEST(c.lists, pg_catalog.pg_stat_get_live_tuples('runmeta.inbox'::pg_catalog.regclass))
                    ELSE c.lists
                END AS all_lists
            FROM inbox AS c
            CROSS JOIN inbox_size AS s
        ), transition_size AS (
            SELECT pg_catalog.pg_relation_size('runmeta.transition'::pg_catalog.regclass)
                OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8 AS pages
        ), jobs AS (
            SELECT CASE WHEN s.pages OPERATOR(pg_catalog.>) 256
                    THEN GREATEST(c.changes, pg_catalog.pg_stat_get_live_tuples('runmeta.transition'::pg_catalog.regclass))
                    ELSE c.changes
                END AS changes, c.oldest
            FROM transition_size AS s
            CROSS JOIN (
                SELECT pg_catalog.count(*) AS changes, pg_catalog.min(t.at) AS oldest
                FROM (
                    SELECT t.at FROM runmeta.transition AS t WHERE t.ctid OPERATOR(pg_catalog.<) '(128,0)'::pg_catalog.tid
                    UNION ALL
                    SELECT t.at FROM runmeta.transition AS t
                    WHERE t.ctid OPERATOR(pg_catalog.>=) (
                        SELECT pg_catalog.format('(%s,0)', GREATEST(s.pages OPERATOR(pg_catalog.-) 128, 128))::pg_catalog.tid
                        FROM transition_size AS s
                    )
                ) AS t
            ) AS c
        -- nodes: ), node_figure AS (
        -- nodes:     SELECT COALESCE(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'runs')::pg_catalog.float8), 0)::pg_catalog.int8 AS runs,
        -- nodes:         COALESCE(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'dead_rows')::pg_catalog.int8), 0)::pg_catalog.int8 AS dead_rows,
        -- nodes:         COALESCE(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'dead_pieces')::pg_catalog.int8), 0)::pg_catalog.int8 AS dead_pieces,
        -- nodes:         COALESCE(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'bytes')::pg_catalog.int8), 0)::pg_catalog.int8 AS bytes,
        -- nodes:         LEAST(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'unfinished')::pg_catalog.int8), 10000)::pg_catalog.int8 AS unfinished_runs,
        -- nodes:         COALESCE(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'writers')::pg_catalog.float8), 0)::pg_catalog.int8 AS writers,
        -- nodes:         COALESCE(pg_catalog.sum((n.result::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'recent')::pg_catalog.int8), 0)::pg_catalog.int8 AS recent_writers
        -- nodes:     FROM pg_catalog.run_command_on_all_nodes($node$
        -- nodes:         SELECT pg_catalog.jsonb_build_object(
        -- nodes:             'runs', pg_catalog.sum(GREATEST(c.reltuples, 0, s.live)) FILTER (WHERE s.of_runs),
        -- nodes:             'dead_rows', pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(c.oid)) FILTER (WHERE s.of_runs),
        -- nodes:             'dead_pieces', pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(c.reltoastrelid)) FILTER (WHERE s.of_runs),
        -- nodes:             'bytes', pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)) FILTER (WHERE s.of_runs),
        -- nodes:             'unfinished', pg_catalog.sum(q.number) FILTER (WHERE s.of_runs),
        -- nodes:             'writers', pg_catalog.sum(GREATEST(c.reltuples, 0, s.live)) FILTER (WHERE NOT s.of_runs),
        -- nodes:             'recent', pg_catalog.sum(q.number) FILTER (WHERE NOT s.of_runs))
        -- nodes:         FROM pg_catalog.pg_class AS c
        -- nodes:         JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        -- nodes:         CROSS JOIN LATERAL (
        -- nodes:             SELECT pg_catalog.starts_with(c.relname, 'run_') AS of_runs, pg_catalog.pg_stat_get_live_tuples(c.oid) AS live
        -- nodes:         ) AS s
        -- nodes:         -- A statement for each shard, where the role may read it.
        -- nodes:         LEFT JOIN LATERAL (
        -- nodes:             SELECT (pg_catalog.xpath('//n/text()', pg_catalog.query_to_xml(pg_catalog.format(
        -- nodes:                 CASE WHEN s.of_runs
        -- nodes:                     THEN 'SELECT pg_catalog.count(*) AS n FROM (SELECT FROM %s WHERE finished_at IS NULL ORDER BY created_at DESC LIMIT 10000) AS u'
        -- nodes:                     ELSE 'SELECT pg_catalog.count(*) AS n FROM %s WHERE updated_at OPERATOR(pg_catalog.>) '
        -- nodes:                         '(pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) ''1 minute''::pg_catalog.interval)'
        -- nodes:                 END, c.oid::pg_catalog.regclass), false, true, '')))[1]::pg_catalog.text::pg_catalog.int8 AS number
        -- nodes:             WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT')
        -- nodes:         ) AS q ON true
        -- nodes:         WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND c.relkind OPERATOR(pg_catalog.=) 'r'
        -- nodes:             AND c.relname OPERATOR(pg_catalog.~) '^(run|writer)_[0-9]+$'
        -- nodes:     $node$) AS n
        -- nodes:     WHERE n.success
        ), counted (relation, rows, recent) AS (
            SELECT 'runmeta.unapplied'::pg_catalog.regclass, pg_catalog.count(*), NULL::pg_catalog.int8
            FROM runmeta.unapplied AS u
            WHERE u.ctid OPERATOR(pg_catalog.<) '(256,0)'::pg_catalog.tid
            UNION ALL
            SELECT 'runmeta.adapter_failure'::pg_catalog.regclass, pg_catalog.count(*), NULL
            FROM runmeta.adapter_failure AS f
            WHERE f.ctid OPERATOR(pg_catalog.<) '(256,0)'::pg_catalog.tid
            UNION ALL
            -- nodes: SELECT 'runmeta.writer'::pg_catalog.regclass, n.writers, n.recent_writers FROM node_figure AS n
            SELECT 'runmeta.writer'::pg_catalog.regclass, pg_catalog.count(*), pg_catalog.count(*) FILTER ( -- one server
                WHERE w.updated_at OPERATOR(pg_catalog.>) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 minute'::pg_catalog.interval)) -- one server
            FROM runmeta.writer AS w -- one server
            WHERE w.ctid OPERATOR(pg_catalog.<) '(256,0)'::pg_catalog.tid -- one server
        ), estimated AS (
            SELECT c.relation, c.recent,
                CASE WHEN pg_catalog.pg_relation_size(c.relation)
                        OPERATOR(pg_catalog.>) (256 OPERATOR(pg_catalog.*) pg_catalog.current_setting('block_size')::pg_catalog.int8)
                    THEN GREATEST(c.rows, pg_catalog.pg_stat_get_live_tuples(c.relation))
                    ELSE c.rows
                END AS rows
            FROM counted AS c
        ), run_table AS (
            -- One table, or the partitions of it.
            SELECT c.oid, c.reltuples, c.reltoastrelid FROM pg_catalog.pg_class AS c
            WHERE c.oid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass::pg_catalog.oid AND c.relkind OPERATOR(pg_catalog.=) 'r'
            UNION ALL
            SELECT c.oid, c.reltuples, c.reltoastrelid FROM pg_catalog.pg_inherits AS i
            JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
            WHERE i.inhparent OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass::pg_catalog.oid
        ), run_figure AS (
            SELECT
                -- Postgres forgets its count of live rows in a crash.
                pg_catalog.sum(CASE WHEN pg_catalog.pg_stat_get_live_tuples(r.oid) OPERATOR(pg_catalog.>) 0
                    THEN pg_catalog.pg_stat_get_live_tuples(r.oid)
                    ELSE GREATEST(r.reltuples, 0)::pg_catalog.int8
                END)::pg_catalog.int8 AS runs,
                pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(r.oid))::pg_catalog.int8 AS dead_rows,
                pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(r.reltoastrelid))::pg_catalog.int8 AS dead_pieces,
                pg_catalog.sum(pg_catalog.pg_total_relation_size(r.oid))::pg_catalog.int8 AS bytes
            FROM run_table AS r
        ), holder (kind, pid, name, transactions, since) AS (
            SELECT CASE WHEN a.datid IS NULL THEN 'standby' ELSE 'session' END, a.pid, NULL::pg_catalog.text,
                GREATEST(pg_catalog.age(a.backend_xid), pg_catalog.age(a.backend_xmin)), a.xact_start
            FROM pg_catalog.pg_stat_activity AS a
            -- Those without a database send WAL to a standby, whose queries hold back vacuum everywhere.
            WHERE (a.datid IS NULL OR a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
                AND (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
                AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
                -- Vacuum does not hold back vacuum.
                AND NOT EXISTS (
                    SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v WHERE v.pid OPERATOR(pg_catalog.=) a.pid
                )
            UNION ALL
            SELECT 'prepared transaction', NULL, p.gid, pg_catalog.age(p.transaction), p.prepared
            FROM pg_catalog.pg_prepared_xacts AS p
            WHERE p.database OPERATOR(pg_catalog.=) pg_catalog.current_database()
            UNION ALL
            SELECT 'replication slot', s.active_pid, s.slot_name::pg_catalog.text, pg_catalog.age(s.xmin), NULL
            FROM pg_catalog.pg_replication_slots AS s
            WHERE s.xmin IS NOT NULL
        ), oldest_holder AS (
            SELECT h.kind, h.pid, h.name, h.transactions, h.since FROM holder AS h
            ORDER BY h.transactions DESC, h.since LIMIT 1
        )
        SELECT
            w.state AS worker,
            w.pid AS worker_pid,
            w.error AS worker_error,
            w.error_at AS worker_error_at,
            w.library_version,
            w.preloaded,
            pg_catalog.pg_is_in_recovery() AS standby,

            i.all_lists AS waiting_lists,
            i.runs AS waiting_runs,
            (i.bytes OPERATOR(pg_catalog.*) i.all_lists::pg_catalog.numeric
                OPERATOR(pg_catalog./) GREATEST(i.lists, 1)::pg_catalog.numeric)::pg_catalog.int8 AS waiting_bytes,
            pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) i.oldest AS waiting_age,
            i.is_estimate AS waiting_is_estimate,

            j.changes AS job_changes,
            pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) j.oldest AS job_changes_age,
            (SELECT e.rows FROM estimated AS e
                WHERE e.relation OPERATOR(pg_catalog.=) 'runmeta.adapter_failure'::pg_catalog.regclass::pg_catalog.oid)
                AS adapter_failures,

            w.unannounced_since,
            pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) w.unannounced_since AS unannounced_age,
            w.unannounced_bytes,
            (SELECT pg_catalog.count(*) FROM runmeta.outbox AS o
                WHERE o.ctid OPERATOR(pg_catalog.<) '(256,0)'::pg_catalog.tid) AS unannounced_prepared,
            w.owes_resync,
            pg_catalog.pg_notification_queue_usage() AS notification_queue_usage,

            (SELECT e.rows FROM estimated AS e
                WHERE e.relation OPERATOR(pg_catalog.=) 'runmeta.unapplied'::pg_catalog.regclass::pg_catalog.oid) AS unapplied,
            (SELECT e.rows FROM estimated AS e
                WHERE e.relation OPERATOR(pg_catalog.=) 'runmeta.writer'::pg_catalog.regclass::pg_catalog.oid) AS writers,
            (SELECT e.recent FROM estimated AS e
                WHERE e.relation OPERATOR(pg_catalog.=) 'runmeta.writer'::pg_catalog.regclass::pg_catalog.oid) AS recent_writers,

            f.runs,
            -- In the order of the index, so that it is used whatever the planner knows of the table.
            CASE WHEN f.dead_rows OPERATOR(pg_catalog.>) 100000
                -- By its name: a dump makes indexes after views.
                THEN (SELECT LEAST(pg_catalog.sum(GREATEST(COALESCE(p.reltuples, c.reltuples), 0)), 10000)::pg_catalog.int8
                    FROM pg_catalog.pg_class AS c
                    JOIN pg_catalog.pg_index AS x ON x.indexrelid OPERATOR(pg_catalog.=) c.oid
                    LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhparent OPERATOR(pg_catalog.=) c.oid
                    LEFT JOIN pg_catalog.pg_class AS p ON p.oid OPERATOR(pg_catalog.=) i.inhrelid
                    WHERE x.indrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass::pg_catalog.oid
                        AND c.relname OPERATOR(pg_catalog.=) 'run_unfinished_idx')
                -- nodes: ELSE f.unfinished_runs
                ELSE (SELECT pg_catalog.count(*) FROM ( -- one server
                    SELECT FROM runmeta.run AS r WHERE r.finished_at IS NULL ORDER BY r.created_at DESC LIMIT 10000 -- one server
                ) AS u) -- one server
            END AS unfinished_runs,

            h.kind AS vacuum_held_by,
            h.pid AS vacuum_held_pid,
            h.name AS vacuum_held_name,
            h.transactions AS vacuum_held_transactions,
            pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) h.since AS vacuum_held_age,

            f.dead_rows AS run_dead_rows,
            f.dead_pieces AS run_dead_pieces,
            pg_catalog.pg_stat_get_dead_tuples('runmeta.inbox'::pg_catalog.regclass) AS inbox_dead_rows,
            f.bytes AS run_bytes,
            pg_catalog.pg_total_relation_size('runmeta.inbox'::pg_catalog.regclass) AS inbox_bytes,
            pg_catalog.pg_total_relation_size('runmeta.unapplied'::pg_catalog.regclass) AS unapplied_bytes
        FROM runmeta._worker_state() AS w
        CROSS JOIN waiting AS i
        CROSS JOIN run_figure AS f -- one server
        -- nodes: CROSS JOIN node_figure AS f
        CROSS JOIN jobs AS j
        LEFT JOIN oldest_holder AS h ON TRUE
        $view$;
        IF is_distributed THEN
            definition := pg_catalog.regexp_replace(definition, '^.*-- one server$', '', 'gn');
            definition := pg_catalog.regexp_replace(definition, '^( *)-- nodes: ', '\1', 'gn');
        END IF;
        EXECUTE definition;

        COMMENT ON VIEW runmeta.activity IS 'what runmeta does in this database, in one row';
        COMMENT ON COLUMN runmeta.activity.worker IS 'state of the background worker: running, starting, stuck, no_slot, stopped or unavailable';
        COMMENT ON COLUMN runmeta.activity.worker_pid IS 'process of the background worker';
        COMMENT ON COLUMN runmeta.activity.worker_error IS 'what went wrong last in the background worker';
        COMMENT ON COLUMN runmeta.activity.worker_error_at IS 'when that went wrong';
        COMMENT ON COLUMN runmeta.activity.library_version IS 'version of the library that this session has loaded';
        COMMENT ON COLUMN runmeta.activity.preloaded IS 'true if the server loaded the library when it started';
        COMMENT ON COLUMN runmeta.activity.standby IS 'true if this server follows another one';
        COMMENT ON COLUMN runmeta.activity.waiting_lists IS 'lists that wait in the inbox';
        COMMENT ON COLUMN runmeta.activity.waiting_runs IS 'runs that they wait for, at least';
        COMMENT ON COLUMN runmeta.activity.waiting_bytes IS 'bytes of these lists';
        COMMENT ON COLUMN runmeta.activity.waiting_age IS 'how long the oldest of them has waited';
        COMMENT ON COLUMN runmeta.activity.waiting_is_estimate IS 'true if the inbox is larger than 256 pages, and was not counted as a whole';
        COMMENT ON COLUMN runmeta.activity.job_changes IS 'changes of jobs in queues that their runs have not followed yet; an estimate where their table is larger than 256 pages';
        COMMENT ON COLUMN runmeta.activity.job_changes_age IS 'how long the oldest of them has waited';
        COMMENT ON COLUMN runmeta.activity.adapter_failures IS 'changes of jobs that could not be recorded or followed, of which the last 100 of each adapter are kept';
        COMMENT ON COLUMN runmeta.activity.unannounced_since IS 'since when changes wait to be announced, null if none does';
        COMMENT ON COLUMN runmeta.activity.unannounced_age IS 'how long that is';
        COMMENT ON COLUMN runmeta.activity.unannounced_bytes IS 'bytes of these changes in shared memory, of which there are 1048576';
        COMMENT ON COLUMN runmeta.activity.unannounced_prepared IS 'changes of two-phase commits that wait to be announced';
        COMMENT ON COLUMN runmeta.activity.owes_resync IS 'true if changes were left out, and listeners will be asked to read everything';
        COMMENT ON COLUMN runmeta.activity.notification_queue_usage IS 'part of the notification queue of the server that is in use, 0 to 1';
        COMMENT ON COLUMN runmeta.activity.unapplied IS 'operations that waited and could not be applied';
        COMMENT ON COLUMN runmeta.activity.writers IS 'client processes that sent numbered batches';
        COMMENT ON COLUMN runmeta.activity.recent_writers IS 'those that sent one within the last minute';
        COMMENT ON COLUMN runmeta.activity.runs IS 'runs, an estimate';
        COMMENT ON COLUMN runmeta.activity.unfinished_runs IS 'runs that have not finished, counted up to 10000; an estimate while more than 100000 rows are dead';
        COMMENT ON COLUMN runmeta.activity.vacuum_held_by IS 'what keeps vacuum from the oldest dead rows: session, standby, prepared transaction or replication slot';
        COMMENT ON COLUMN runmeta.activity.vacuum_held_pid IS 'its process';
        COMMENT ON COLUMN runmeta.activity.vacuum_held_name IS 'name of the prepared transaction or replication slot';
        COMMENT ON COLUMN runmeta.activity.vacuum_held_transactions IS 'transactions that began since';
        COMMENT ON COLUMN runmeta.activity.vacuum_held_age IS 'how long that is, null if it is not known or not for the current role';
        COMMENT ON COLUMN runmeta.activity.run_dead_rows IS 'dead rows of runmeta.run, an estimate';
        COMMENT ON COLUMN runmeta.activity.run_dead_pieces IS 'dead pieces of documents over 2 kB, an estimate';
        COMMENT ON COLUMN runmeta.activity.inbox_dead_rows IS 'dead rows of runmeta.inbox, an estimate';
        COMMENT ON COLUMN runmeta.activity.run_bytes IS 'bytes of runmeta.run with documents and indexes';
        COMMENT ON COLUMN runmeta.activity.inbox_bytes IS 'bytes of runmeta.inbox with indexes';
        COMMENT ON COLUMN runmeta.activity.unapplied_bytes IS 'bytes of runmeta.unapplied with indexes';
        REVOKE ALL ON TABLE runmeta.activity FROM PUBLIC;
    END IF;
END
$activity$;
