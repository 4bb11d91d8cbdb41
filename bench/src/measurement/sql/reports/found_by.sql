SELECT CASE
    WHEN jsonb_path_exists(plan, '$.** ? (@."Node Type" == "Seq Scan" && @."Relation Name" == "run")') THEN 'reads all runs'
    ELSE (SELECT coalesce(string_agg(DISTINCT name #>> '{}', ', '), 'no index') FROM jsonb_path_query(plan, 'strict $.**."Index Name"') AS name
        WHERE name #>> '{}' LIKE 'run\_%')
END
FROM (SELECT current_setting('bench.plan')::jsonb AS plan) AS p
