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

let done = 0
let finish
await own.work(async () => {
  done += 1
  if (done === Number(jobs)) finish()
})

async function round(followed) {
  // What the rounds before left would slow down this one more than those.
  await database.query('VACUUM ANALYZE')
  await own.follow(followed)
  done = 0
  const all = new Promise((resolve) => {
    finish = resolve
  })
  // Workers that find the first jobs wait for the lock with which all are enqueued.
  await own.enqueueMany(Number(jobs))
  const begun = performance.now()
  await all
  while ((await own.left()) > 0);
  const seconds = (performance.now() - begun) / 1000
  while ((await database.query('SELECT 1 FROM runmeta.transition LIMIT 1')).rowCount > 0);
  return { speed: Number(jobs) / seconds, behind: performance.now() - begun - seconds * 1000 }
}

const median = (numbers) => numbers.sort((left, right) => left - right)[Math.floor(numbers.length / 2)]
const measured = { bare: [], followed: [] }
for (let index = 0; index < Number(rounds); index += 1) {
  for (const followed of index % 2 === 0 ? [false, true] : [true, false]) {
    measured[followed ? 'followed' : 'bare'].push(await round(followed))
  }
}
const bare = median(measured.bare.map((of) => of.speed))
const followed = median(measured.followed.map((of) => of.speed))
const behind = median(measured.followed.map((of) => of.behind))
const cell = (number, width) => number.padStart(width)
console.log(
  `${name.padEnd(18)} ${cell(bare.toFixed(0), 9)} ${cell(followed.toFixed(0), 9)} ${cell((followed / bare).toFixed(2), 6)} ${cell(behind.toFixed(0), 9)}`,
)
process.exit()
