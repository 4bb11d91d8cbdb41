SELECT r.id FROM pg_catalog.unnest($1) AS r (id)
WHERE EXISTS (SELECT FROM runmeta.transition AS t WHERE t.run_id OPERATOR(pg_catalog.=) (r.id COLLATE pg_catalog."C"))
ORDER BY r.id COLLATE pg_catalog."C"
