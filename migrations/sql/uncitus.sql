-- What the tables of a Citus cluster have otherwise, before they come back from its nodes.

DO $uncitus$
DECLARE
    is_distributed pg_catalog.bool;
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS p
        WHERE p.logicalrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(''runmeta.run''))' INTO is_distributed;
    IF is_distributed THEN
        PERFORM pg_catalog.set_config('citus.multi_shard_modify_mode', 'sequential', true);
        LOCK TABLE runmeta.run, runmeta.stream, runmeta.stream_chunk, runmeta.history, runmeta.writer IN ACCESS EXCLUSIVE MODE;
        -- Grants on columns of runs take their place, and the functions write the others in the name of the owner.
        REVOKE UPDATE ON TABLE runmeta.run FROM runmeta_writer;
        REVOKE INSERT ON TABLE runmeta.run_root, runmeta.stream_chunk FROM runmeta_writer;
        REVOKE INSERT, UPDATE ON TABLE runmeta.stream FROM runmeta_writer;
    END IF;
END
$uncitus$;
