SELECT runmeta.increment($1, 'done', 1, 'parent')
