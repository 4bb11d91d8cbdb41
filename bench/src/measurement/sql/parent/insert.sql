INSERT INTO bench.queue (run_id, operations) VALUES ($1, '[{"type": "increment", "key": "done", "value": 1}]')
