CREATE TRIGGER keep_histories AFTER UPDATE OF metadata, finished_at OR DELETE ON runmeta.run
FOR EACH ROW EXECUTE FUNCTION runmeta._keep_histories()
