// How many jobs a second a queue's worker does with its adapter's triggers disabled and enabled, alternately.
//
// node speed.mjs QUEUE PACKAGE JOBS ROUNDS

import pg from 'pg'

const [, , queue, name, jobs, rounds] = process.argv
const { open } = await import(`./${queue}.mjs`)
const database = new pg.Pool({ max: 12 })
database.on('error', () => {})
database.on('connect', (client) => client.on('error', () => {}))
const own = await open(name, database)
await own.prepare()
await database.query('SELECT runmeta.adapt($1)', [own.queue])
await database.query('SELECT count(*) FROM runmeta._worker_state()')
if (process.env.PATCH) { const f = (await database.query("SELECT pg_get_functiondef('graphile_worker._runmeta_follow_1'::regproc) AS f")).rows[0].f; const g = process.env.PATCH === 'trivial' ? f.replace(/BEGIN\n[^]*\nEND\n/, 'BEGIN RETURN NULL; END\n') : process.env.PATCH === 'noexists' ? f.replace(/ *IF NOT EXISTS \(SELECT FROM jobs\) THEN\s+RETURN NULL;\s+END IF;/, '') : f.replace(/ *IF NOT EXISTS \(SELECT FROM jobs\) THEN\s+RETURN NULL;\s+END IF;/, '').replace(/EXCEPTION\n[^]*\nEND\n\$function/, 'END\n$function'); await database.query(g); console.log(g.length) }

let done = 0
let finish
await own.work(async () => {
  done += 1
  if (done === Number(jobs)) finish()
})

import fs from 'node:fs'
async function cpu() { const { rows } = await database.query('SELECT pid, backend_type FROM pg_stat_activity'); const sum = {}; for (const { pid, backend_type } of rows) { try { const f = fs.readFileSync('/proc/' + pid + '/stat', 'utf8').split(') ')[1].split(' '); sum[backend_type] = (sum[backend_type] ?? 0) + Number(f[11]) + Number(f[12]) } catch {} } const u = process.cpuUsage(); sum.node = (u.user + u.system) / 10000; return sum }
async function round(followed) {
  await own.follow(followed)
  done = 0
  const all = new Promise((resolve) => {
    finish = resolve
  })
  // Workers that find the first jobs wait for the lock with which all are enqueued.
  await own.enqueueMany(Number(jobs))
  const w = (await database.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'runmeta worker' AND datname = current_database()")).rows[0]?.pid
  if (process.env.STOP && w) process.kill(w, 'SIGSTOP')
  const before = await cpu()
  const begun = performance.now()
  await all
  while ((await own.left()) > 0);
  const seconds = (performance.now() - begun) / 1000
  if (process.env.STOP && w) process.kill(w, 'SIGCONT')
  while ((await database.query('SELECT 1 FROM runmeta.transition LIMIT 1')).rowCount > 0);
  const after = await cpu(); console.log(followed, Object.keys(after).map((k) => k + ' ' + ((after[k] - (before[k] ?? 0)) * 10000 / Number(jobs)).toFixed(0)).join(', '), 'us a job')
  return { speed: Number(jobs) / seconds, behind: performance.now() - begun - seconds * 1000 }
}

const median = (numbers) => numbers.sort((left, right) => left - right)[Math.floor(numbers.length / 2)]
const measured = { bare: [], followed: [] }
for (let index = 0; index < Number(rounds); index += 1) {
  measured.bare.push(process.env.ONLY ? { speed: 1, behind: 0 } : await round(false))
  measured.followed.push(await round(process.env.ONLY !== 'bare'))
}
const bare = median(measured.bare.map((of) => of.speed))
const followed = median(measured.followed.map((of) => of.speed))
const behind = median(measured.followed.map((of) => of.behind))
const cell = (number, width) => number.padStart(width)
console.log(
  `${name.padEnd(18)} ${cell(bare.toFixed(0), 9)} ${cell(followed.toFixed(0), 9)} ${cell((followed / bare).toFixed(2), 6)} ${cell(behind.toFixed(0), 9)}`,
)
process.exit()
