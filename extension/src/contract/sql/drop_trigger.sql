DROP TRIGGER IF EXISTS zz_contract ON runmeta.run
