INSERT INTO bench.job (id, metadata) SELECT id, metadata FROM runmeta.run WHERE id = $1
