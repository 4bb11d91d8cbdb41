// The page of a run: it follows its metadata, logs, streams, family and end.
import assert from "node:assert/strict";
import { run, see, sql, texts } from "./dashboard.mjs";

await run(async (open) => {
  await sql(`SELECT runmeta.start('nightly', '{"totalRows": 400, "processedRows": 100}', task => 'nightly', tags => '{prod}')`);
  await sql(`SELECT runmeta.start('nightly/a', '{"account": 9007199254740993, "price": 1.50, "file": {"name": "a.csv"}, "logs": ["begin"]}', parent_run_id => 'nightly', task => 'import')`);
  await sql(`SELECT runmeta.start('nightly/b', '{"progress": 0.25}', parent_run_id => 'nightly', task => 'import', status => 'queued')`);
  const page = await open("run?id=nightly%2Fa");
  await see(page, "h1", "nightly/a");
  await see(page, ".value", "9007199254740993");
  await see(page, ".value", "1.50");
  await texts(page, ".crumbs a", ["Runs", "nightly"]);

  // What changes is marked.
  await sql(`SELECT runmeta.set('nightly/a', '$.file.name', '"b.csv"')`);
  await page.locator(".member.changed", { hasText: "b.csv" }).waitFor();
  await sql(`SELECT runmeta.set('nightly/a', '__proto__', '{"polluted": true}')`);
  await see(page, ".key", "__proto__");
  assert.equal(await page.evaluate(() => ({}).polluted), undefined);
  await sql(`SELECT runmeta.append('nightly/a', 'logs', '{"level": "warn", "message": "row 7: city is missing"}')`);
  await texts(page, ".log .line", ["begin", "row 7: city is missing"]);
  await sql(`SELECT runmeta.increment('nightly/a', 'account', 1)`);
  await see(page, ".value", "9007199254740994");
  await sql(`SELECT runmeta.merge('nightly/a', '{"done": 1, "total": 4}')`);
  await see(page, ".bars li", "25 %");

  // Other members of a line of a log follow its message, and a line of another day says which.
  await sql(`SELECT runmeta.append('nightly/a', 'logs', '{"message": "row 8", "at": "2026-01-02T03:04:05Z", "row": 8, "column": "city", "level": "info"}')`);
  await texts(page, ".log .line", ["begin", "row 7: city is missing", "row 8 column=city row=8"]);
  await see(page, ".log time", "2 Jan");
  assert.equal(await page.locator(".log time").getAttribute("title"), "2 Jan 2026, 03:04:05 UTC");
  await see(page, ".facts .exact", /\d+ \w+, \d\d:\d\d:\d\d/);

  // The empty text is a key too, and progress may be odd.
  await sql(`SELECT runmeta.set('nightly/a', '', '"nothing"')`);
  await page.locator(".member", { hasText: "nothing" }).locator(".key", { hasText: '""' }).waitFor();
  await sql(`SELECT runmeta.merge('nightly/a', '{"done": 5, "total": 4}')`);
  await see(page, ".bars .bar-counted[data-odd]", "5 of 4");
  await see(page, ".bars li", "100 %");

  // The family follows too, with a bar for each.
  await texts(page, ".family .run-id", ["nightly", "…/a", "…/b"]);
  await sql(`SELECT runmeta.set('nightly/b', 'progress', '0.75')`);
  await see(page, ".family-row", "75 %");
  await sql(`SELECT runmeta.start('nightly/c', parent_run_id => 'nightly')`);
  await texts(page, ".family .run-id", ["nightly", "…/a", "…/b", "…/c"]);

  // Streams follow to their end.
  await sql(`SELECT runmeta.stream_append('nightly/a', 'tokens', '["Hello", ", "]')`);
  await see(page, "pre.stream", "Hello, ");
  await sql(`SELECT runmeta.stream_append('nightly/a', 'tokens', '["world"]')`);
  await see(page, "pre.stream", "Hello, world");
  await sql(`SELECT runmeta.stream_close('nightly/a', 'tokens', 'the model stopped')`);
  await see(page, ".streams .hint", "the model stopped");

  // The end, and another attempt.
  await sql(`SELECT runmeta.finish('nightly/a', 'failed')`);
  await see(page, ".run-title .status", "failed");
  await see(page, "#announcer", "nightly/a: failed");
  await sql(`SELECT runmeta.start('nightly/a', attempt => 2)`);
  await see(page, ".run-title .status", "attempt 2");

  await page.evaluate(() => (navigator.clipboard.writeText = async (text) => (window.copied = text)));
  await page.getByRole("button", { name: "Copy as SQL", exact: true }).click();
  const copied = await page.evaluate(() => window.copied);
  const [row] = await sql(copied);
  assert.equal(row.id, "nightly/a");
  await page.getByRole("button", { name: "Copy as SQL: name" }).press("Enter");
  assert.equal((await sql(await page.evaluate(() => window.copied)))[0].get, "b.csv");
  await page.getByRole("button", { name: 'Copy as SQL: ""' }).press("Enter");
  assert.equal((await sql(await page.evaluate(() => window.copied)))[0].get, "nothing");

  // From run to run within the page.
  await page.locator(".family .run-id", { hasText: "…/b" }).click();
  await see(page, "h1", "nightly/b");
  await see(page, ".bars li", "75 %");
  await page.goBack();
  await see(page, "h1", "nightly/a");
  await page.goto(`${new URL("run?id=nobody", page.url())}`);
  await see(page, ".problem", "nobody");
});
