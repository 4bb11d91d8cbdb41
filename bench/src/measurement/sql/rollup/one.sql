SELECT * FROM runmeta.rollup($1, 'rows')
