// pg-boss: two queues, one of which has a partition of its own in version 12.

import { setTimeout as pause } from 'node:timers/promises'

const QUEUES = ['plain', 'apart']

export async function open(name, database) {
  const loaded = await import(name)
  const Boss = loaded.PgBoss ?? loaded.default
  const { PGHOST, PGPORT, PGUSER, PGDATABASE } = process.env
  const server = { host: PGHOST, port: PGPORT, user: PGUSER, database: PGDATABASE }
  // Otherwise version 12 finds what expired once a minute.
  const boss = new Boss({ ...server, max: 4, schedule: false, supervise: false, monitorIntervalSeconds: 1 })
  boss.on('error', () => {})
  await boss.start()

  async function serve(queue, work) {
    for (;;) {
      const jobs = (await boss.fetch(queue, { batchSize: 3 })) ?? []
      if (jobs.length === 0) await pause(20)
      for (const { id } of jobs) {
        try {
          await work(`pg-boss:${id}`)
          await boss.complete(queue, id, { rows: 3 })
        } catch (error) {
          await boss.fail(queue, id, error)
        }
      }
    }
  }

  return {
    queue: 'pg-boss',
    async prepare() {
      await boss.createQueue('plain')
      await boss.createQueue('apart', { partition: true })
    },
    // A job of a worker that was killed is tried again when it expires. One that lives never takes so long.
    async enqueue(job) {
      const queue = QUEUES[job % 2]
      return [queue, await boss.send(queue, {}, { retryLimit: 2, expireInSeconds: 5 })]
    },
    async enqueueMany(count) {
      const jobs = Array.from({ length: count }, () => ({ name: 'plain', data: {} }))
      await (boss.supervise ? boss.insert('plain', jobs) : boss.insert(jobs))
    },
    /** Has runs follow, or not. */
    async follow(does) {
      const { rows } = await database.query("SELECT relid::regclass AS jobs FROM pg_partition_tree('pgboss.job')")
      for (const { jobs } of rows) {
        for (const event of ['insert', 'update', 'delete']) {
          await database.query(`ALTER TABLE ${jobs} ${does ? 'ENABLE' : 'DISABLE'} TRIGGER _runmeta_${event}`)
        }
      }
    },
    async work(work) {
      for (const queue of [...QUEUES, ...QUEUES]) serve(queue, work)
    },
    async disturb([queue, id], chance) {
      // One that has finished cannot be cancelled, for instance.
      if (chance < 0.5) await boss.cancel(queue, id).catch(() => {})
      else if (chance < 0.7) await boss.resume(queue, id).catch(() => {})
      else if (chance < 0.9) await boss.retry(queue, id).catch(() => {})
    },
    async recover() {},
    // What expired is found.
    async maintain() {
      await (boss.supervise ? boss.supervise() : boss.maintain())
    },
    async left() {
      const { rows } = await database.query("SELECT count(*)::int AS n FROM pgboss.job WHERE state IN ('created', 'retry', 'active')")
      return rows[0].n
    },
  }
}
