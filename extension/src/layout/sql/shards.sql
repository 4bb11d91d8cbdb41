SELECT s.shardminvalue::pg_catalog.int4 FROM pg_catalog.pg_dist_shard AS s
WHERE s.logicalrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
ORDER BY 1
