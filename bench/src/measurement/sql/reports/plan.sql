DO $plan$
DECLARE
    plan json;
BEGIN
    EXECUTE $query$EXPLAIN (FORMAT JSON) {query}$query$ INTO plan;
    PERFORM set_config('bench.plan', plan::text, false);
END
$plan$
