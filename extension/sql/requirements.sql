-- requirements

\echo Use "CREATE EXTENSION runmeta" to load this file. \quit

-- The extension is trusted: what follows runs as the bootstrap superuser on behalf of whoever may create in the
-- database, in a schema that he may have made and filled. So nothing here reads, runs or grants what merely lies in the
-- schema, and no name is looked up in it. Postgres takes this setting back at the end of the script.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

DO $requirements$
DECLARE
    own record;
    objects pg_catalog.text;
BEGIN
    IF pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'runmeta needs a database with the encoding UTF8',
            DETAIL = pg_catalog.format(
                'This one has %s, in which JSON cannot hold every character.',
                pg_catalog.current_setting('server_encoding')),
            HINT = 'Create the database with ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;

    SELECT e.oid AS extension, e.extowner AS installer, n.oid AS schema, n.nspowner AS owner, o.rolsuper AS owner_is_superuser
    INTO STRICT own
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
    JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
    WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta';

    -- Whoever may create schemas could have made this one first, to plant functions under our name. The database's
    -- owner is trusted: the schema is his when a superuser restores a dump of his database.
    IF own.owner OPERATOR(pg_catalog.<>) own.installer
        AND NOT own.owner_is_superuser
        AND own.owner OPERATOR(pg_catalog.<>) (
            SELECT b.datdba FROM pg_catalog.pg_database AS b
            WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'schema runmeta belongs to another role',
            DETAIL = 'Only the role that installs the extension, the owner of the database or a superuser may have made it.',
            HINT = 'Look at what is in the schema, and drop it or change its owner.';
    END IF;

    -- Postgres leaves this to the script, and the script's superuser may always create. Without it, whoever may create
    -- in the database could become the owner of the extension beside another one's tables, after DROP EXTENSION.
    IF NOT pg_catalog.has_schema_privilege(own.installer, own.schema, 'CREATE') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'permission denied for schema runmeta',
            DETAIL = 'The role that installs the extension may not create objects in the schema.',
            HINT = 'Install the extension as the owner of the schema.';
    END IF;

    -- DROP EXTENSION leaves our tables, so what belongs to tables may be there: relations, with their row types and
    -- indexes, which depend on the relation and not on the schema, statistics, default privileges, publications. The
    -- script neither reads them nor grants on them, and what they have in common with ours is no more than a name.
    -- Everything else is refused, because a call by an unqualified or overloaded name may run it: routines, operators
    -- and their classes, types with checks or casts, collations, conversions, text search, other extensions.
    SELECT pg_catalog.string_agg(foreigner.name, ', ')
    INTO objects
    FROM (
        SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, 0) AS name
        FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND d.refobjid OPERATOR(pg_catalog.=) own.schema
            AND d.classid OPERATOR(pg_catalog.<>) ALL (ARRAY[
                    'pg_catalog.pg_class'::pg_catalog.regclass,
                    'pg_catalog.pg_statistic_ext'::pg_catalog.regclass,
                    'pg_catalog.pg_default_acl'::pg_catalog.regclass,
                    'pg_catalog.pg_publication_namespace'::pg_catalog.regclass
                ]::pg_catalog.oid[])
            AND NOT (
                d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                AND d.objid OPERATOR(pg_catalog.=) own.extension)
        ORDER BY name USING OPERATOR(pg_catalog.<)
        LIMIT 5
    ) AS foreigner;
    IF objects IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'schema runmeta holds objects of others',
            DETAIL = pg_catalog.format('Among them: %s.', objects),
            HINT = 'Find out who made them, and move them to another schema or drop them.';
    END IF;
END
$requirements$;
