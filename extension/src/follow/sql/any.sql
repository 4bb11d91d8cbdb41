SELECT t.run_id FROM runmeta.transition AS t LIMIT 1
