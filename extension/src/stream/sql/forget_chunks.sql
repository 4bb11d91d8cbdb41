DELETE FROM runmeta.stream_chunk AS k
WHERE k.root_id OPERATOR(pg_catalog.=) $1 AND k.run_id OPERATOR(pg_catalog.=) $2 AND k.stream OPERATOR(pg_catalog.=) $3
