-- As pgmq.create() makes its queues.
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.q_mail (
    msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    vt timestamptz NOT NULL,
    message jsonb
);
CREATE TABLE pgmq.a_mail (
    msg_id bigint PRIMARY KEY,
    read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz NOT NULL DEFAULT now(),
    vt timestamptz NOT NULL,
    message jsonb
);
CREATE TABLE pgmq.q_image (LIKE pgmq.q_mail INCLUDING ALL);
