SELECT pg_relation_size('runmeta.run')::float8 / current_setting('block_size')::float8
