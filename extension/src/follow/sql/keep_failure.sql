INSERT INTO runmeta.adapter_failure (adapter, role, operation, jobs, sqlstate, message)
SELECT $1, $5, 'follow', ARRAY[$2], $3, $4
