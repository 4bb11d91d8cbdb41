CREATE TABLE bench.job_with_trigger (LIKE bench.job INCLUDING ALL) WITH (fillfactor = 50);
INSERT INTO bench.job_with_trigger SELECT * FROM bench.job;

CREATE FUNCTION bench.notify() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_notify('job', json_build_object('id', NEW.id, 'version', NEW.version)::text);
    RETURN NULL;
END
$function$;

CREATE TRIGGER notify AFTER UPDATE ON bench.job_with_trigger FOR EACH ROW EXECUTE FUNCTION bench.notify();
