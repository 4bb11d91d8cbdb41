runmeta.apply_operations(d, '[{"type": "set", "key": "progress", "value": 0.5}]')
