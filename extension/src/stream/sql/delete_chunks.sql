DELETE FROM runmeta.stream_chunk AS k
USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS c (root_id, run_id, name)
WHERE k.root_id OPERATOR(pg_catalog.=) c.root_id AND k.run_id OPERATOR(pg_catalog.=) c.run_id
    AND k.stream OPERATOR(pg_catalog.=) c.name
