-- With the prefixes of other adapters that begin with that of this one, whose runs are not its own.
SELECT a.id, a.prefix::pg_catalog.text, pg_catalog.now() OPERATOR(pg_catalog.-) a.keep, ARRAY(
    SELECT o.prefix::pg_catalog.text FROM runmeta.adapter AS o
    WHERE o.id OPERATOR(pg_catalog.<>) a.id AND pg_catalog.starts_with(o.prefix, a.prefix)
)
FROM runmeta.adapter AS a
WHERE a.keep IS NOT NULL
