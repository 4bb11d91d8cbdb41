-- privileges

-- Nothing is granted to PUBLIC. The migrations give the owner's privileges on to runmeta_reader and
-- runmeta_writer; where the extension was installed as a trusted one, its functions belong to a superuser.
-- The schema too: default privileges of a database may have let everybody create in it.
REVOKE ALL ON SCHEMA runmeta FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA runmeta FROM PUBLIC;
REVOKE ALL ON TYPE runmeta.target FROM PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA runmeta TO @extowner@ WITH GRANT OPTION;
GRANT USAGE ON TYPE runmeta.target TO @extowner@ WITH GRANT OPTION;

-- The schema's owner grants too: he owns the tables, and a dump of his database has his grants.
DO $privileges$
DECLARE
    owner pg_catalog.text := (
        SELECT pg_catalog.quote_ident(o.rolname) FROM pg_catalog.pg_namespace AS n
        JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
        WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta');
BEGIN
    EXECUTE pg_catalog.format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA runmeta TO %s WITH GRANT OPTION', owner);
    EXECUTE pg_catalog.format('GRANT USAGE ON TYPE runmeta.target TO %s WITH GRANT OPTION', owner);
END
$privileges$;
