import pg from 'pg'

for await (const change of watchUntilFinished('never finished')) if (collect(change)) break
print()
process.exit()
