INSERT INTO runmeta.adapter_failure (adapter, operation, jobs, sqlstate, message)
VALUES ($1, 'adapt', $2, '23502', 'the status of these jobs is null')
