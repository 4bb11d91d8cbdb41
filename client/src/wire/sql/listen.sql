LISTEN runmeta
