SELECT id, status, created_at FROM runmeta.run WHERE task = 'task 7' ORDER BY created_at DESC LIMIT 20
