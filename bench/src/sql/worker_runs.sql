SELECT worker = 'running' FROM runmeta.activity
