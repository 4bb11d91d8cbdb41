CREATE FUNCTION bench.set_progress(run_id text, value jsonb) RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    new_version bigint;
BEGIN
    UPDATE bench.job
    SET metadata = jsonb_set(metadata, '{progress}', value), version = version + 1, updated_at = now()
    WHERE id = run_id
    RETURNING version INTO new_version;
    IF NOT FOUND THEN
        RAISE 'no such run: %', run_id;
    END IF;
    RETURN new_version;
END
$function$;
