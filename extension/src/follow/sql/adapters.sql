SELECT a.id, a.metadata, pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('type', 'merge',
    'value', '{"error": null}' OPERATOR(pg_catalog.||) a.metadata))
FROM runmeta.adapter AS a
