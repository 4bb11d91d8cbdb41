-- privileges

-- Nothing is granted to PUBLIC. The schema too: default privileges of a database may have let everybody create in it.
REVOKE ALL ON SCHEMA runmeta FROM PUBLIC;

-- The migrations give the owner's privileges on to runmeta_reader and runmeta_writer; where the extension was installed
-- as a trusted one, its functions belong to a superuser. The schema's owner grants too: he owns the tables, and a dump of
-- his database has his grants.
--
-- Never ON ALL ROUTINES IN SCHEMA: this runs as a superuser, and would give away what others keep in the schema. Only
-- members of this extension are named, one by one. The owner's name is looked up, because Postgres refuses to replace
-- its placeholder for an extension's owner, even in a comment, where his name has a quote, a dollar sign or a backslash.
DO $privileges$
DECLARE
    statement pg_catalog.text;
BEGIN
    FOR statement IN
        WITH own AS (
            SELECT e.oid, e.extowner, n.nspowner
            FROM pg_catalog.pg_extension AS e
            JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
            WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'
        ), member AS (
            SELECT d.classid, d.objid
            FROM own
            JOIN pg_catalog.pg_depend AS d ON d.refobjid OPERATOR(pg_catalog.=) own.oid
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                AND d.deptype OPERATOR(pg_catalog.=) 'e'
        ), object (privilege, name) AS (
            SELECT 'EXECUTE ON ROUTINE', p.oid::pg_catalog.regprocedure::pg_catalog.text
            FROM member AS m
            JOIN pg_catalog.pg_proc AS p ON p.oid OPERATOR(pg_catalog.=) m.objid
            WHERE m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass

            UNION ALL
            SELECT 'USAGE ON TYPE', t.oid::pg_catalog.regtype::pg_catalog.text
            FROM member AS m
            JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) m.objid
            WHERE m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass
                -- An array has the rights of its elements' type, and none of its own.
                AND t.typcategory OPERATOR(pg_catalog.<>) 'A'
        )
        SELECT pg_catalog.format('REVOKE %s %s FROM PUBLIC', o.privilege, o.name)
        FROM object AS o

        UNION ALL
        SELECT pg_catalog.format('GRANT %s %s TO %I WITH GRANT OPTION', o.privilege, o.name, r.rolname)
        FROM object AS o
        CROSS JOIN own
        JOIN pg_catalog.pg_roles AS r
            ON r.oid OPERATOR(pg_catalog.=) own.extowner OR r.oid OPERATOR(pg_catalog.=) own.nspowner
    LOOP
        EXECUTE statement;
    END LOOP;
END
$privileges$;
