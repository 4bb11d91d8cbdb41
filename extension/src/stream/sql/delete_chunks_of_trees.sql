DELETE FROM runmeta.stream_chunk AS k WHERE k.root_id OPERATOR(pg_catalog.=) ANY ($1)
