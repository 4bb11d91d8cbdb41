SELECT current_setting('runmeta.inbox_threshold', true) IS NOT NULL
