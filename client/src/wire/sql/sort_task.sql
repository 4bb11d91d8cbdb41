COALESCE(r.task, '')
