SELECT runmeta.set($1, 'progress', to_jsonb($2::bigint))
