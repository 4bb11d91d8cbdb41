SELECT count(*) FROM runmeta.flush($1)
