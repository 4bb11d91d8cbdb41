import pg from 'pg'
import { runMigrations, Logger } from 'graphile-worker'
const pool = new pg.Pool()
await runMigrations({ pgPool: pool, logger: new Logger(() => () => {}) })
await pool.query("SELECT runmeta.adapt('graphile-worker')")
await pool.query("SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(SELECT ('even', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec FROM generate_series(1, 1000)))")
await pool.end()
