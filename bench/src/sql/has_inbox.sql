SELECT to_regclass('runmeta.inbox') IS NOT NULL
