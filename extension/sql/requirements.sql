-- requirements

\echo Use "CREATE EXTENSION runmeta" to load this file. \quit

DO $requirements$
BEGIN
    -- Whoever may create schemas could have made this one first and planted functions under our name. The
    -- database's owner is trusted: his is the schema when a superuser restores a dump of his database.
    IF EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
        CROSS JOIN pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
        WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta'
            AND e.extname OPERATOR(pg_catalog.=) 'runmeta'
            AND n.nspowner OPERATOR(pg_catalog.<>) e.extowner
            AND n.nspowner OPERATOR(pg_catalog.<>) (
                SELECT b.datdba FROM pg_catalog.pg_database AS b
                WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
            AND NOT o.rolsuper
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'schema runmeta belongs to another role',
            DETAIL = 'Only the role that installs the extension, the owner of the database or a superuser may have made it.',
            HINT = 'Look at what is in the schema, and drop it or change its owner.';
    END IF;
    IF pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'runmeta needs a database with the encoding UTF8',
            DETAIL = pg_catalog.format(
                'This one has %s, in which JSON cannot hold every character.',
                pg_catalog.current_setting('server_encoding')),
            HINT = 'Create the database with ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
END
$requirements$;
