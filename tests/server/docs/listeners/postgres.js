import postgres from 'postgres'

const sql = postgres()
// Lost connections are reported there, and are part of the output here.
console.error = () => {}
await new Promise((resolve) => watch('never finished', (change) => collect(change) && resolve()))
print()
process.exit()
