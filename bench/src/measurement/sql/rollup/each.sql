SELECT * FROM runmeta.rollup_each($1::text[], 'rows')
