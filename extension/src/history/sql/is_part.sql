SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid OPERATOR(pg_catalog.=) $1 AND i.inhparent OPERATOR(pg_catalog.=) $2
