// A queue and its worker, disturbed: jobs fail at random, are cancelled and tried again while they work, and the worker is
// killed. Each attempt counts three rows. The program ends when no job is left.
//
// node race.mjs QUEUE PACKAGE JOBS

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

const [, program, queue, name, jobs, role] = process.argv
const { open } = await import(`./${queue}.mjs`)
const database = new pg.Pool({ max: 6, application_name: role === 'worker' ? 'race worker' : 'race' })
database.on('error', () => {})
database.on('connect', (client) => client.on('error', () => {}))

/** What a job does. */
async function work(run) {
  for (let row = 0; row < 3; row += 1) {
    await database.query("SELECT runmeta.increment($1, 'rows')", [run])
  }
  await pause(Math.random() * 8)
  if (Math.random() < 0.25) throw new Error('boom')
}

if (role === 'worker') {
  // It ends with the program that started it.
  process.stdin.on('end', () => process.exit()).resume()
  await (await open(name, database)).work(work)
} else {
  const own = await open(name, database)
  await own.prepare()
  await database.query('SELECT runmeta.adapt($1, metadata => $2)', [own.queue, { rows: 0 }])
  const ids = []
  for (let job = 0; job < Number(jobs); job += 1) ids.push(await own.enqueue(job))
  const start = () =>
    spawn(process.execPath, [...process.execArgv, program, queue, name, jobs, 'worker'], { stdio: ['pipe', 'ignore', 'inherit'] })
  const kills = Math.max(1, Math.floor(Number(jobs) / 300))
  let worker = start()
  let killed = 0
  // What a worker that was killed has sent already may still come: not behind the next attempt.
  const gone = async () => {
    const sessions = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'race worker'"
    while ((await database.query(sessions)).rowCount > 0) await pause(5)
  }
  const settled = async () => (await database.query("SELECT count(*)::int AS n FROM runmeta.run WHERE finished_at IS NOT NULL")).rows[0].n
  for (;;) {
    await pause(40)
    await own.disturb(ids[Math.floor(Math.random() * ids.length)], Math.random())
    // In the middle of the work.
    if (killed < kills && (await settled()) > (ids.length * (killed + 1)) / (kills + 2)) {
      worker.kill('SIGKILL')
      await once(worker, 'exit')
      await gone()
      killed += 1
      await own.recover()
      worker = start()
    }
    await own.maintain()
    if (killed === kills && (await own.left()) === 0) break
  }
  worker.kill('SIGKILL')
  console.log(`killed ${killed}`)
  process.exit()
}
