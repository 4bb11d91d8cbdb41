DELETE FROM runmeta.adapter_failure AS f
USING (
    -- A writer may record failures of adapters that there are not.
    SELECT n.id FROM (
        SELECT d.id, d.adapter, pg_catalog.row_number() OVER (PARTITION BY d.adapter ORDER BY d.id DESC) AS place
        FROM runmeta.adapter_failure AS d) AS n
    WHERE n.place OPERATOR(pg_catalog.>) 100
        OR NOT EXISTS (SELECT FROM runmeta.adapter AS a WHERE a.id OPERATOR(pg_catalog.=) n.adapter)
) AS old
WHERE f.id OPERATOR(pg_catalog.=) old.id
