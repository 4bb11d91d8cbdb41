-- The tables of graphile-worker 0.18 that an adapter looks at, as its migrations leave them, but for what no statement of
-- these tests needs.
CREATE SCHEMA graphile_worker;
CREATE TABLE graphile_worker._private_tasks (
    id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    identifier text NOT NULL UNIQUE
);
CREATE TABLE graphile_worker._private_jobs (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    task_id int NOT NULL,
    payload json DEFAULT '{}'::json NOT NULL,
    run_at timestamptz DEFAULT now() NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    max_attempts smallint DEFAULT 3 NOT NULL,
    last_error text,
    created_at timestamptz DEFAULT now() NOT NULL,
    locked_at timestamptz,
    locked_by text
);
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('import'), ('mail');
