SELECT runmeta.get($1, 'done')::bigint
