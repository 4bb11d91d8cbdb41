INSERT INTO runmeta.adapter_failure (adapter, operation, jobs, sqlstate, message)
SELECT $1, 'follow', ARRAY[$2], $3, $4
