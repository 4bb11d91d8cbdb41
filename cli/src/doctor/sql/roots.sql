-- How the runs and the table of their roots agree.
SELECT l.unregistered, l.stale FROM runmeta.layout AS l
