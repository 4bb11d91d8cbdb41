SELECT count(*) FROM runmeta.flush('[{"run": "run 1", "operations": [{"type": "increment", "key": "done", "value": 1}]}]');
UPDATE bench.job SET metadata = jsonb_set(metadata, '{done}', to_jsonb((metadata ->> 'done')::numeric + 1)) WHERE id = 'run 1';
