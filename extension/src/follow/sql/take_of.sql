WITH taken AS (
    DELETE FROM runmeta.transition AS t
    WHERE t.run_id OPERATOR(pg_catalog.=) ANY ($1)
