SELECT 100 * n_tup_hot_upd::float8 / n_tup_upd FROM pg_stat_user_tables WHERE relid = 'runmeta.run'::regclass
