// graphile-worker. Its jobs are deleted when they succeed, so the test keeps what was deleted.

export async function open(name, database) {
  const loaded = await import(name)
  const { Logger, run, runMigrations } = loaded.run ? loaded : loaded.default
  const logger = new Logger(() => () => {})
  const jobs = 'graphile_worker._private_jobs'

  return {
    queue: 'graphile-worker',
    async prepare() {
      await runMigrations({ pgPool: database, logger })
      await database.query(`CREATE TABLE public.deleted (LIKE ${jobs});
        CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO public.deleted SELECT OLD.*; RETURN NULL; END $$;
        CREATE TRIGGER keep AFTER DELETE ON ${jobs} FOR EACH ROW EXECUTE FUNCTION public.keep()`)
    },
    async enqueue(job) {
      const { rows } = await database.query(
        "SELECT id FROM graphile_worker.add_job($1, '{}', max_attempts => 3, job_key => $2)",
        [job % 2 === 0 ? 'even' : 'odd', `key-${job}`],
      )
      return [rows[0].id, `key-${job}`]
    },
    async enqueueMany(count) {
      await database.query(
        `SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
          SELECT ('even', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec FROM generate_series(1, $1::int)))`,
        [count],
      )
    },
    /** Has runs follow, or not. */
    async follow(does) {
      await database.query(`ALTER TABLE ${jobs} DISABLE TRIGGER keep`)
      for (const event of ['insert', 'update', 'delete']) {
        await database.query(`ALTER TABLE ${jobs} ${does ? 'ENABLE' : 'DISABLE'} TRIGGER _runmeta_${event}`)
      }
    },
    async work(work) {
      const task = (_, { job }) => work(`graphile-worker:${job.id}`)
      const taskList = { even: task, odd: task }
      await run({ pgPool: database, taskList, logger, noHandleSignals: true, concurrency: 4, pollInterval: 50 })
    },
    async disturb([id, key], chance) {
      if (chance < 0.4) await database.query('SELECT graphile_worker.remove_job($1)', [key])
      else if (chance < 0.5) await database.query('SELECT graphile_worker.permanently_fail_jobs(ARRAY[$1::bigint])', [id])
    },
    async recover() {
      await database.query(
        `SELECT graphile_worker.force_unlock_workers(ARRAY(SELECT DISTINCT locked_by FROM ${jobs} WHERE locked_by IS NOT NULL))`,
      )
    },
    // What failed is tried again at once.
    async maintain() {
      await database.query(`UPDATE ${jobs} SET run_at = now() WHERE is_available AND run_at > now()`)
    },
    async left() {
      const { rows } = await database.query(`SELECT count(*)::int AS n FROM ${jobs} WHERE is_available OR locked_at IS NOT NULL`)
      return rows[0].n
    },
  }
}
