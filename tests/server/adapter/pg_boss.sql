-- The tables of pg-boss 12 that an adapter looks at, as its migrations leave them, but for what no statement of these tests
-- needs.
CREATE SCHEMA pgboss;
CREATE TYPE pgboss.job_state AS ENUM ('created', 'retry', 'active', 'completed', 'cancelled', 'failed');
CREATE TABLE pgboss.queue (name text PRIMARY KEY);
CREATE TABLE pgboss.job (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    data jsonb,
    state pgboss.job_state NOT NULL DEFAULT 'created',
    retry_count int NOT NULL DEFAULT 0,
    created_on timestamptz NOT NULL DEFAULT now(),
    started_on timestamptz,
    completed_on timestamptz,
    output jsonb,
    PRIMARY KEY (name, id)
) PARTITION BY LIST (name);
CREATE TABLE pgboss.job_common PARTITION OF pgboss.job DEFAULT;
