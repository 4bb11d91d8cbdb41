-- privileges

-- Nothing is granted to PUBLIC. The migrations give the owner's privileges on to runmeta_reader and
-- runmeta_writer; where the extension was installed as a trusted one, its functions belong to a superuser.
REVOKE ALL ON ALL ROUTINES IN SCHEMA runmeta FROM PUBLIC;
REVOKE ALL ON TYPE runmeta.target FROM PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA runmeta TO @extowner@ WITH GRANT OPTION;
GRANT USAGE ON TYPE runmeta.target TO @extowner@ WITH GRANT OPTION;
