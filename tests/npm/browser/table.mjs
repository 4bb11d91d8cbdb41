// The table of runs: live, filtered, sorted, with its state in the address.
import assert from "node:assert/strict";
import { miss, run, see, sql, texts } from "./dashboard.mjs";

const IDS = ".runs .cell-id .run-id";

await run(async (open) => {
  await sql(`SELECT runmeta.start('import-1', '{"totalRows": 200, "processedRows": 50}', task => 'import', tags => '{prod}')`);
  await sql(`SELECT runmeta.start('mail-1', task => 'mail')`);
  await sql(`SELECT runmeta.start('import-2', task => 'import', status => 'queued')`);
  await sql(`SELECT runmeta.finish('mail-1', 'failed')`);
  const page = await open();
  await texts(page, IDS, ["import-2", "mail-1", "import-1"]);
  assert.equal(page.url().includes("#key"), false);
  await see(page, ".runs tr", "25 %");
  await see(page, ".runs tr", "50 of 200");
  await see(page, "#connection", "Live");

  // What changes is shown without asking, with the time left.
  await sql(`SELECT runmeta.set('import-1', 'processedRows', '100')`);
  await see(page, ".runs tr", "50 %");
  await see(page, ".runs .bar-left", "left");
  await sql(`SELECT runmeta.start('import-3', parent_run_id => 'import-1', task => 'import')`);
  await texts(page, IDS, ["import-3", "import-2", "mail-1", "import-1"]);
  await sql(`SELECT runmeta.finish('import-3')`);
  await see(page, ".runs tr", "completed");

  // Filters are in the address, and a run that passes no more leaves.
  await page.locator(".chip", { hasText: "Active" }).click();
  await texts(page, IDS, ["import-2", "import-1"]);
  await sql(`SELECT runmeta.set_status('import-2', 'running')`);
  await sql(`SELECT runmeta.finish('import-2')`);
  await texts(page, IDS, ["import-1"]);
  assert.match(page.url(), /[?&]finished=false/);
  await page.locator(".chip", { hasText: "All" }).click();
  await page.getByLabel("Task", { exact: true }).fill("import");
  await texts(page, IDS, ["import-3", "import-2", "import-1"]);
  await page.getByLabel("Tag", { exact: true }).fill("prod");
  await texts(page, IDS, ["import-1"]);
  await page.reload();
  await texts(page, IDS, ["import-1"]);
  assert.equal(await page.getByLabel("Tag", { exact: true }).inputValue(), "prod");
  await page.getByRole("link", { name: "Clear" }).click();
  await page.getByRole("searchbox", { name: "Search" }).fill("mail");
  await texts(page, IDS, ["mail-1"]);
  await page.getByRole("searchbox", { name: "Search" }).fill("nothing like this");
  await see(page, ".empty", "No run passes this filter.");
  await sql(`SELECT runmeta.start('now there is nothing like this')`);
  await texts(page, IDS, ["now there is nothing like this"]);

  // Headings sort.
  await page.getByRole("link", { name: "Clear" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  await texts(page, IDS, ["import-1", "import-2", "import-3", "mail-1", "now there is nothing like this"]);
  await page.getByRole("button", { name: "Run" }).click();
  await see(page, 'th[aria-sort="descending"]', "Run");
  await texts(page, IDS, ["now there is nothing like this", "mail-1", "import-3", "import-2", "import-1"]);

  // What is typed counts at once for whoever goes on to another filter.
  await page.getByLabel("Task", { exact: true }).pressSequentially("import");
  await page.locator(".chip", { hasText: "completed" }).click();
  await texts(page, IDS, ["import-3", "import-2"]);
  assert.equal(await page.getByLabel("Task", { exact: true }).inputValue(), "import");

  // A read that failed is tried again by itself.
  let failures = 0;
  await page.route("**/v1/runs?*", (route) => (++failures > 2 ? route.continue() : route.fulfill({ status: 503, json: { title: "the database is away" } })));
  await page.getByRole("link", { name: "Clear" }).click();
  await see(page, ".problem", "the database is away");
  await see(page, ".runs .run-id", "mail-1");
  await page.locator(".problem").waitFor({ state: "detached" });
  await page.unroute("**/v1/runs?*");

  // A key that is wrong is refused, and signing out forgets the right one.
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Secret key or token").fill("not the key of this gateway");
  await page.getByRole("button", { name: "Sign in" }).click();
  await see(page, ".form-problem", "does not know this key");
  await miss(page, "td", "import-1");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});
