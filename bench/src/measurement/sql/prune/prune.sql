SELECT runmeta.prune(now() - interval '7 days')
