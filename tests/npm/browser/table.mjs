// The table of runs: live, filtered, sorted, with its state in the address.
import assert from "node:assert/strict";
import { miss, run, see, sql, texts } from "./dashboard.mjs";

const IDS = ".runs .cell-id .run-id";

await run(async (open) => {
  await sql(`SELECT runmeta.start('import-1', '{"totalRows": 200, "processedRows": 50}', task => 'import', tags => '{prod}')`);
  await sql(`SELECT runmeta.start('mail-1', task => 'mail')`);
  await sql(`SELECT runmeta.start('import-2', task => 'import', status => 'queued')`);
  await sql(`SELECT runmeta.finish('mail-1', 'failed')`);
  const page = await open("?roots=false");
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
  await page.locator(".chip", { hasText: "succeeded" }).click();
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

  // Of the metadata, the table asks for its numbers alone, whose names it learns from a run of each task.
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url())));
  await sql("SELECT runmeta.start('factory', $1, task => 'widgets')", { widgetsTotal: 10, widgets: 4, text: "x".repeat(50_000) });
  await see(page, ".runs tr", "4 of 10");
  await sql("SELECT runmeta.start('yard', task => 'gadgets')");
  await see(page, ".runs .run-id", "yard");
  await sql("SELECT runmeta.merge('yard', $1)", { gadgetsTotal: 8, gadgets: 2 });
  await see(page, ".runs tr", "2 of 8");
  await sql("SELECT runmeta.set('factory', 'widgets', '5')");
  await see(page, ".runs tr", "5 of 10");
  const keys = asked.filter(({ pathname }) => /\/v1\/(runs|events)$/.test(pathname)).map(({ searchParams }) => searchParams.get("select").split(","));
  assert.ok(keys.length >= 4 && keys.every((some) => some.includes("progress") && !some.includes("text")), JSON.stringify(keys));
  assert.ok(["widgets", "widgetsTotal", "gadgets", "gadgetsTotal"].every((key) => keys.at(-1).includes(key)), JSON.stringify(keys));

  // Long ids are cut in the middle, and tags are seen beside them, also on a phone.
  const long = (end) => `report-2026-11-26T08:00:00Z-customer-1027-eu-west-1-batch-${end}`;
  await sql("SELECT runmeta.start($1, tags => '{prod,eu-west-1,slow}')", long(17));
  await sql("SELECT runmeta.start($1, $2, tags => '{prod}', status => 'a weird one')", long(18), { progress: -0.5 });
  for (const size of [{ width: 1360, height: 860 }, { width: 960, height: 860 }, { width: 360, height: 740 }]) {
    await page.setViewportSize(size);
    await see(page, ".runs tr", "-0.5 of 1");
    const row = page.locator(".runs tr", { hasText: long(17) });
    const head = row.locator(".cut-head");
    assert.ok(await head.evaluate((head) => head.scrollWidth > head.clientWidth), `it is not cut at ${size.width} pixels`);
    const [cell, end, tags] = await Promise.all([row.locator(".cell-id").boundingBox(), row.locator(".run-id").boundingBox(), row.locator(".tag").evaluateAll((all) => all.map((tag) => [tag.innerText, tag.getBoundingClientRect().right <= tag.closest("td").getBoundingClientRect().right + 1]))]);
    assert.ok(end.x + end.width <= cell.x + cell.width + 1, `the end of the id is not seen at ${size.width} pixels`);
    assert.deepEqual(tags, [["prod", true], ["+2", true]], `tags at ${size.width} pixels`);
    assert.ok(await page.locator(".chips").evaluate((chips) => [...chips.children].every((chip) => chip.getBoundingClientRect().right <= innerWidth)), `statuses are cut off at ${size.width} pixels`);
  }
  await page.setViewportSize({ width: 1360, height: 860 });
  assert.equal(await page.locator(".runs tr", { hasText: long(18) }).locator(".status").getAttribute("data-state"), "other");

  // A key that is wrong is refused, and signing out forgets the right one.
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Secret key or token").fill("not the key of this gateway");
  await page.getByRole("button", { name: "Sign in" }).click();
  await see(page, ".form-problem", "does not know this key");
  await miss(page, "td", "import-1");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});
