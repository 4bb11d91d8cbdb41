CREATE TABLE bench.queue (id bigserial PRIMARY KEY, run_id text NOT NULL, operations jsonb NOT NULL);
