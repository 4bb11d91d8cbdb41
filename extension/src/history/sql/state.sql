SELECT EXISTS (SELECT FROM runmeta.tracked), EXISTS (
    SELECT FROM pg_catalog.pg_trigger AS t
    WHERE t.tgrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
        AND t.tgname OPERATOR(pg_catalog.=) 'keep_histories'
)
