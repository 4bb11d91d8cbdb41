-- Which migrations a database has, in the form refinery reads. Not called
-- refinery_schema_history and not in public, so that it never meets the
-- application's own.

CREATE TABLE runmeta.schema_history (
    version    pg_catalog.int4 NOT NULL,
    name       pg_catalog.text NOT NULL,
    applied_on pg_catalog.text NOT NULL,
    checksum   pg_catalog.text NOT NULL,

    CONSTRAINT schema_history_pkey PRIMARY KEY (version)
);

COMMENT ON TABLE runmeta.schema_history IS 'migrations this database has';
COMMENT ON COLUMN runmeta.schema_history.version IS 'number of the migration';
COMMENT ON COLUMN runmeta.schema_history.name IS 'name of the migration';
COMMENT ON COLUMN runmeta.schema_history.applied_on IS 'when it was applied, as in rfc 3339';
COMMENT ON COLUMN runmeta.schema_history.checksum IS 'hash of its name, number and text';

REVOKE ALL ON TABLE runmeta.schema_history FROM PUBLIC;
