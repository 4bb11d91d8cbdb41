DELETE FROM runmeta.adapter_failure AS f
USING (
    SELECT a.adapter, (
        SELECT l.id FROM runmeta.adapter_failure AS l
        WHERE l.adapter OPERATOR(pg_catalog.=) a.adapter ORDER BY l.id DESC OFFSET 100 LIMIT 1) AS id
    FROM (SELECT DISTINCT d.adapter FROM runmeta.adapter_failure AS d) AS a
) AS last
WHERE f.adapter OPERATOR(pg_catalog.=) last.adapter AND f.id OPERATOR(pg_catalog.<=) last.id
