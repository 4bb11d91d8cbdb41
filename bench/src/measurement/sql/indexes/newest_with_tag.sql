SELECT id, status, created_at FROM runmeta.run WHERE tags @> '{tenant-7}' ORDER BY created_at DESC LIMIT 20
