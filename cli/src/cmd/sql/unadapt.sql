SELECT u FROM runmeta.unadapt(queue => $1, schema => $2, table_name => $3, dry_run => $4) AS u
