// The function of docs/http.md that follows a run with an EventSource and tickets.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { KEY, run, sql } from "./dashboard.mjs";

const page = process.argv[2];
const [, program] = readFileSync(page, "utf8").match(/```js\n([^]*?)```/);

await run(async (open) => {
  await sql("SELECT runmeta.start('a', '{\"n\": 0}')");
  const browser = await open();
  // The network is away at first.
  await browser.route("**/v1/tickets", (route) => route.abort(), { times: 1 });
  await browser.evaluate(
    `(() => {
      ${program}
      Object.assign(globalThis, { follow, seen: [] });
      globalThis.followed = follow("a", ${JSON.stringify(KEY)}, (run) => seen.push(run.metadata.n));
    })()`,
  );
  const seen = (n) => browser.waitForFunction((n) => globalThis.seen.at(-1) === n, n);
  await seen(0);
  await sql("SELECT runmeta.set('a', 'n', '1')");
  await seen(1);
  await sql("SELECT runmeta.finish('a')");
  const last = await browser.evaluate("followed");
  assert.deepEqual([last.status, last.version, last.metadata], ["completed", 3, { n: 1 }]);
  // What is refused is not tried again and again.
  const refused = browser.evaluate(`follow("a", "wrong", () => {}).catch((error) => error.message)`);
  assert.equal(await refused, "the key is not valid");
  assert.deepEqual(await browser.evaluate("followed.then(() => seen.filter((n, place) => n !== seen[place - 1]))"), [0, 1]);
});
