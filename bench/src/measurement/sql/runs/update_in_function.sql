SELECT bench.set_progress($1, to_jsonb($2::bigint))
