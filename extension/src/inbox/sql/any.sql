SELECT FROM runmeta.inbox AS i LIMIT 1
