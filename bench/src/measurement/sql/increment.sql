SELECT runmeta.increment($1, 'done')
