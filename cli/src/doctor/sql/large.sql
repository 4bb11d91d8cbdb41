-- The largest documents of the newest 10,000 unfinished runs, by the bound that is kept beside them. No document is read.
SELECT n.id, n.size_bound
FROM (
    SELECT r.id, r.size_bound FROM runmeta.run AS r
    WHERE r.finished_at IS NULL ORDER BY r.created_at DESC LIMIT 10000
) AS n
WHERE n.size_bound IS NOT NULL
ORDER BY n.size_bound DESC LIMIT 5
