DO $pages$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE $query$EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}$query$ INTO plan;
    plan := plan -> 0 -> 'Plan';
    PERFORM set_config('bench.pages',
        ((plan ->> 'Shared Hit Blocks')::bigint + (plan ->> 'Shared Read Blocks')::bigint)::text, false);
END
$pages$
