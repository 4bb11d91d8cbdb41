SELECT runmeta._await_commits(pg_catalog.count(*), $2) FROM runmeta.run_root AS f WHERE f.id OPERATOR(pg_catalog.=) $1
