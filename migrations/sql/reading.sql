-- What readers have beside the tables. Looked at by every run of the toolkit and made where it is missing: the view uses
-- functions of the extension, so that whoever drops the extension has to drop the view first, and both use columns of
-- runs, so that whoever changes the type of one has to drop them.

DO $reading$
BEGIN
    IF pg_catalog.to_regclass('runmeta.live_run') IS NULL THEN
        -- With the rights of whoever asks, row-level security included. A query pays for the columns that it selects,
        -- and finds a run by its id as in the table.
        CREATE VIEW runmeta.live_run WITH (security_invoker = true) AS
        SELECT r.root_id, r.id, r.parent_id, r.depth, r.task, r.tags, r.status, r.attempt,
            runmeta._live_metadata(r.metadata, r.root_id, r.id, r.created_at) AS metadata,
            runmeta._live_version(r.version, r.root_id, r.id, r.created_at) AS version,
            r.created_at, r.started_at,
            runmeta._live_updated_at(r.updated_at, r.root_id, r.id, r.created_at) AS updated_at,
            r.finished_at, r.size_bound
        FROM runmeta.run AS r;

        COMMENT ON VIEW runmeta.live_run IS 'runs with the lists that wait in the inbox applied to their metadata';
        REVOKE ALL ON TABLE runmeta.live_run FROM PUBLIC;
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid OPERATOR(pg_catalog.=) 'runmeta.unapplied'::pg_catalog.regclass
            AND p.polname OPERATOR(pg_catalog.=) 'of_visible_runs'
    ) THEN
        CREATE POLICY of_visible_runs ON runmeta.unapplied FOR SELECT USING (EXISTS (
            SELECT FROM runmeta.run AS r
            WHERE r.root_id OPERATOR(pg_catalog.=) unapplied.root_id AND r.id OPERATOR(pg_catalog.=) unapplied.run_id
                AND r.created_at OPERATOR(pg_catalog.=) unapplied.run_created_at
        ));
    END IF;

    -- OFFSET 0 keeps each look a look-up by index: the planner could read all runs into a hash instead.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid OPERATOR(pg_catalog.=) 'runmeta.stream'::pg_catalog.regclass
            AND p.polname OPERATOR(pg_catalog.=) 'of_visible_runs'
    ) THEN
        CREATE POLICY of_visible_runs ON runmeta.stream FOR SELECT USING (EXISTS (
            SELECT FROM runmeta.run AS r
            WHERE r.root_id OPERATOR(pg_catalog.=) stream.root_id AND r.id OPERATOR(pg_catalog.=) stream.run_id
                AND r.created_at OPERATOR(pg_catalog.=) stream.run_created_at
            OFFSET 0
        ));
    END IF;

    -- Chunks of a stream that can be seen. This reads runmeta.stream, whose policy applies.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid OPERATOR(pg_catalog.=) 'runmeta.stream_chunk'::pg_catalog.regclass
            AND p.polname OPERATOR(pg_catalog.=) 'of_visible_streams'
    ) THEN
        CREATE POLICY of_visible_streams ON runmeta.stream_chunk FOR SELECT USING (EXISTS (
            SELECT FROM runmeta.stream AS s
            WHERE s.root_id OPERATOR(pg_catalog.=) stream_chunk.root_id AND s.run_id OPERATOR(pg_catalog.=) stream_chunk.run_id
                AND s.name OPERATOR(pg_catalog.=) stream_chunk.stream
            OFFSET 0
        ));
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid OPERATOR(pg_catalog.=) 'runmeta.history'::pg_catalog.regclass
            AND p.polname OPERATOR(pg_catalog.=) 'of_visible_runs'
    ) THEN
        CREATE POLICY of_visible_runs ON runmeta.history FOR SELECT USING (EXISTS (
            SELECT FROM runmeta.run AS r
            WHERE r.root_id OPERATOR(pg_catalog.=) history.root_id AND r.id OPERATOR(pg_catalog.=) history.run_id
                AND r.created_at OPERATOR(pg_catalog.=) history.run_created_at
            OFFSET 0
        ));
    END IF;

    -- runmeta.track() makes it. It is gone if the extension was dropped, while the tables stayed.
    IF EXISTS (SELECT FROM runmeta.tracked) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
            AND t.tgname OPERATOR(pg_catalog.=) 'keep_histories'
    ) THEN
        CREATE TRIGGER keep_histories AFTER UPDATE OF metadata, finished_at OR DELETE ON runmeta.run
            FOR EACH ROW EXECUTE FUNCTION runmeta._keep_histories();
    END IF;
END
$reading$;
