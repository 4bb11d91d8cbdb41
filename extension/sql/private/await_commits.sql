-- _await_commits

-- Called on the server that has a shard: the number of rows has Citus send the call there, whatever rows there are. The server does
-- not know the session's lock_timeout, in milliseconds.
CREATE FUNCTION runmeta._await_commits(
    number_of_rows pg_catalog.int8, lock_timeout pg_catalog.int4
) RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'await_commits_wrapper'
LANGUAGE c VOLATILE STRICT;

COMMENT ON FUNCTION runmeta._await_commits IS 'waits for prepared transactions that write runs here, and returns how many there were';
