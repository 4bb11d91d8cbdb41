SELECT true
FROM runmeta.contract AS c
WHERE c.task OPERATOR(pg_catalog.=) $1 AND c.schema OPERATOR(pg_catalog.=) $2 AND c.mode OPERATOR(pg_catalog.=) $3
    AND EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid OPERATOR(pg_catalog.=) 'runmeta.run'::pg_catalog.regclass
            AND t.tgname OPERATOR(pg_catalog.=) 'zz_contract' AND t.tgenabled OPERATOR(pg_catalog.<>) 'D'
    )
