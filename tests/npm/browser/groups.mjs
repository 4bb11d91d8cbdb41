// Statuses in groups: all words for a failure are failed, and the table begins with runs without a parent.
import assert from "node:assert/strict";
import { eventually, run, see, sql, texts } from "./dashboard.mjs";

const IDS = ".runs .cell-id .run-id";
const FAILED = ["failed", "timed_out", "crashed", "error", "expired", "discarded", "TIMED_OUT"];

await run(async (open) => {
  await sql("SELECT runmeta.start('nightly', task => 'nightly', tags => '{prod}')");
  for (const [index, status] of FAILED.entries()) {
    await sql("SELECT runmeta.start($1, task => 'import')", `f${index}`);
    await sql("SELECT runmeta.finish($1, $2)", `f${index}`, status);
  }
  await sql("SELECT runmeta.start('nightly/step', parent_run_id => 'nightly', task => 'import', tags => '{step}')");
  await sql("SELECT runmeta.set_status('nightly/step', 'checking the rows of all the files of yesterday')");
  await sql("SELECT runmeta.start('nightly/late', parent_run_id => 'nightly', task => 'import', status => 'scheduled')");
  await sql("SELECT runmeta.start('nightly/done', parent_run_id => 'nightly', task => 'import'), runmeta.finish('nightly/done', 'success')");
  await sql("SELECT runmeta.start('nightly/gone', parent_run_id => 'nightly', task => 'import'), runmeta.finish('nightly/gone', 'canceled')");

  // Only the top level, until somebody looks below.
  const failed = FAILED.map((_, index) => `f${index}`).reverse();
  const page = await open();
  await texts(page, IDS, [...failed, "nightly"]);
  await sql("SELECT runmeta.start('nightly/new', parent_run_id => 'nightly')");
  await sql("SELECT runmeta.start('another')");
  await texts(page, IDS, ["another", ...failed, "nightly"]);
  await page.getByRole("searchbox", { name: "Search" }).fill("step");
  await see(page, ".empty", "No run of the top level passes this filter. Also look below");
  await page.getByRole("link", { name: "Also look below" }).click();
  await texts(page, IDS, ["nightly/step"]);
  assert.match(page.url(), /[?&]roots=false/);
  await page.reload();
  await texts(page, IDS, ["nightly/step"]);
  const top = page.getByRole("switch", { name: "Top level only" });
  assert.equal(await top.isChecked(), false);
  await page.getByLabel("Tag", { exact: true }).fill("step");
  await texts(page, IDS, ["nightly/step"]);
  await page.getByRole("link", { name: "Clear" }).click();
  await see(page, IDS, "nightly/done");
  await top.check();
  await texts(page, IDS, ["another", ...failed, "nightly"]);
  assert.equal(page.url().includes("roots"), false);

  // All words for a failure, also of a run that fails now.
  await page.locator(".chip", { hasText: "failed" }).click();
  await texts(page, IDS, failed);
  assert.match(page.url(), /[?&]group=failed/);
  await sql("SELECT runmeta.finish('another', 'crashed')");
  await texts(page, IDS, ["another", ...failed]);
  await page.reload();
  await texts(page, IDS, ["another", ...failed]);

  // What is queued has not begun. A run that waits for something has, and is paused.
  await sql("SELECT runmeta.start('approval', task => 'mail'), runmeta.set_status('approval', 'waiting')");
  await sql("SELECT runmeta.start('letter', task => 'mail', status => 'queued')");
  await page.goto(new URL("/", page.url()).href);
  const state = (status) => page.locator(".runs .status", { hasText: status }).first().getAttribute("data-state");
  await see(page, ".runs .status-word", "queued");
  assert.deepEqual([await state("queued"), await state("waiting")], ["queued", "paused"]);
  await page.locator(".chip", { hasText: "queued" }).click();
  await texts(page, IDS, ["letter"]);

  // Without progress, statuses have its room. One that does not fit ends with an ellipsis, and others with none.
  await page.goto(new URL("?roots=false", page.url()).href);
  const word = (status) => page.locator(".runs .status-word", { hasText: status }).first();
  const isCut = (status) => word(status).evaluate((one) => one.scrollWidth > one.clientWidth);
  await see(page, ".runs .status-word", "checking the rows");
  await eventually(() => isCut("checking the rows"), false, "a long status without progress");
  await sql("SELECT runmeta.set('nightly', 'progress', '0.5')");
  await eventually(() => isCut("checking the rows"), true, "a long status beside progress");
  assert.equal(await isCut("discarded"), false);
  for (const status of ["checking the rows", "discarded"]) {
    const [end, cell] = await word(status).evaluate((one) => [one.getBoundingClientRect().right, one.closest("td").getBoundingClientRect().right]);
    assert.ok(end <= cell, `${status} is cut without an ellipsis`);
  }

  // The table of tasks has a column for each group, and single statuses below a count.
  await page.goto(new URL("tasks", page.url()).href);
  await texts(page, ".tasks thead th", ["Task", "Queued", "Working", "Succeeded", "Failed", "Cancelled", "Last run"]);
  const row = page.locator(".tasks tbody tr", { hasText: "import" });
  const counts = () => row.locator("td[data-group] a").allInnerTexts();
  assert.deepEqual(await counts(), ["1", "1", "1", "7", "1"]);
  const cell = row.locator('[data-group="failed"]');
  assert.match(await cell.locator(".single").innerText(), /^\w+ 1, \w+ 1, and 5 others$/);
  assert.equal((await cell.getAttribute("title")).split("\n").length, 7);
  const colour = (locator) => locator.evaluate((one) => getComputedStyle(one).color);
  assert.notEqual(await colour(cell.locator("a")), await colour(row.locator('[data-group="succeeded"] a')));
  await row.locator('[data-group="working"] a').click();
  await texts(page, IDS, ["nightly/step"]);
  await page.goBack();
  await cell.locator("a").click();
  await texts(page, IDS, failed);
  await see(page, ".chip[aria-current]", "failed");

  // On a phone, all of it is on the screen.
  await page.goBack();
  await page.setViewportSize({ width: 360, height: 740 });
  await see(page, ".tasks .group-name", "failed");
  const outside = await page.locator(".tasks :is(a, .single, time)").evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent));
  assert.deepEqual(outside, []);
  const { scroll, client } = await page.locator(".scrolled").evaluate((one) => ({ scroll: one.scrollWidth, client: one.clientWidth }));
  assert.ok(scroll <= client, `${scroll} of ${client} pixels`);
});
