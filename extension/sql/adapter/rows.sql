-- _adapter_rows

-- Query for what the rows of a relation mean, which an adapter describes by the list of a SELECT over j. Nothing is replaced in that
-- list: it has expressions of the user's. What a run cannot keep is cut, in a way that shows: an id of 256 characters is too long
-- still. Of ids, statuses and tasks each list cuts those that its queue does not bound: each takes 0.2 µs.
CREATE FUNCTION runmeta._adapter_rows(row_list pg_catalog.text, jobs pg_catalog.text) RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $query$ SELECT pg_catalog.concat($rows$SELECT r.id, r.status, r.deleted, r.attempt, pg_catalog."left"(r.error, 1000) AS error, r.task,
    pg_catalog."left"(r.parent_id, 256) AS parent_id, r.created_at, r.started_at, r.finished_at
FROM ($rows$, row_list, E'\nFROM ', jobs, ' AS j) AS r') $query$;

COMMENT ON FUNCTION runmeta._adapter_rows IS 'query for what the rows of a relation mean to an adapter';
