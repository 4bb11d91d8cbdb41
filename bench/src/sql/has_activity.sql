SELECT to_regclass('runmeta.activity') IS NOT NULL
