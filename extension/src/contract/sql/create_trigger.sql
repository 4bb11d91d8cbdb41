CREATE OR REPLACE TRIGGER zz_contract
BEFORE INSERT OR UPDATE OF metadata, task ON runmeta.run
FOR EACH ROW EXECUTE FUNCTION runmeta._check_contract()
