// Takes the picture of the README: an import that runs, with its family, log and metadata. The argument is the file.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { run, see, sql } from "./dashboard.mjs";

const [file] = process.argv.slice(2);
const LARGEST = 200_000;

const LINES = [
  ["info", "opened customers.csv"],
  ["info", "120,000 rows in 6 chunks, 3 workers"],
  ["warn", "row 1,207: city is missing"],
  ["error", "row 28,114: postcode \"NA\" is not a number"],
  ["warn", "row 41,950: state is NA"],
];

await run(async (open) => {
  await sql(
    "SELECT runmeta.start('import-42', $1, task => 'import-file', tags => '{prod,csv}')",
    { file: { name: "customers.csv", bytes: 18_234_011 }, account: 0, totalRows: 120_000, processedRows: 0, invalidRows: 3, workers: 3, step: "checking rows", dryRun: false, logs: LINES.map(([level, message]) => ({ level, message })) },
  );
  await sql("SELECT runmeta.set('import-42', 'account', '9007199254740993')");
  for (let chunk = 1; chunk <= 6; chunk += 1) {
    const status = chunk > 5 ? "queued" : "running";
    await sql("SELECT runmeta.start($1, $2, 'import-42', 'import-chunk', status => $3)", `import-42/chunk-${chunk}`, { totalRows: 20_000, processedRows: 0 }, status);
  }
  await sql("UPDATE runmeta.run SET created_at = created_at - interval '72 s', started_at = started_at - interval '72 s'");
  for (const chunk of [1, 2]) {
    await sql("SELECT runmeta.set($1, 'processedRows', '20000'), runmeta.finish($1)", `import-42/chunk-${chunk}`);
  }
  const advance = async (step) => {
    for (const [chunk, rows] of [[3, 9_000], [4, 5_200], [5, 2_100]]) {
      await sql("SELECT runmeta.set($1, 'processedRows', to_jsonb($2::int))", `import-42/chunk-${chunk}`, rows + step * 250);
    }
    await sql("SELECT runmeta.set('import-42', 'processedRows', to_jsonb($1::int))", 56_300 + step * 750);
  };
  await advance(0);
  const page = await open("run?id=import-42", { viewport: { width: 1200, height: 760 } });
  await see(page, ".family-row", "…/chunk-6");
  for (let step = 1; step < 5; step += 1) {
    await advance(step);
    await page.waitForTimeout(400);
  }
  await sql("SELECT runmeta.append('import-42', 'logs', $1)", { level: "warn", message: "row 59,300: city is missing" });
  await see(page, ".log .line", "row 59,300");
  await see(page, ".bars .bar-left", "left");
  await page.screenshot({ path: file, animations: "allow" });
  const { size } = statSync(file);
  assert.ok(size > 20_000 && size < LARGEST, `${size} bytes`);
});
