// What a run says of its failure: texts keep their lines, long ones are folded, and the page begins with the error.
import assert from "node:assert/strict";
import { eventually, run, see, sql } from "./dashboard.mjs";

const STACK = ["TypeError: no city", ...Array.from({ length: 30 }, (_, line) => `    at row (import.js:${line + 1})`)].join("\n");

await run(async (open) => {
  const metadata = { error: { name: "TypeError", message: "no city\u0007", stack: STACK }, note: "first\nsecond\u001b[0m", logs: [{ message: "line 1\nline 2", error: { stack: "here\nthere" } }] };
  await sql("SELECT runmeta.start('a', $1)", metadata);
  const page = await open("run?id=a");
  const text = (selector, hasText) => page.locator(selector).filter({ hasText }).first().innerText();

  // Lines are lines in the tree and the log; other control characters can be seen.
  await see(page, ".member .value", "first");
  assert.equal(await text(".member .value", "first"), "first\nsecond\\u001b[0m");
  assert.equal(await text(".log .line", "line 1"), "line 1\nline 2 error.stack=here\nthere");
  const height = (value) => page.locator(".member .value", { hasText: value }).last().evaluate((element) => element.getBoundingClientRect().height / parseFloat(getComputedStyle(element).lineHeight));
  assert.ok((await height("second")) > 1.5, "the text has one line");

  // A long text is folded, and unfolds.
  const stack = page.locator(".member", { has: page.locator(".key", { hasText: /^stack$/ }) });
  assert.equal((await stack.innerText()).includes("import.js:20"), false);
  await stack.getByRole("button", { name: "all 31 lines" }).click();
  assert.ok((await stack.locator(".value").innerText()).startsWith(STACK));
  await stack.getByRole("button", { name: "less" }).click();
  assert.equal((await stack.innerText()).includes("import.js:20"), false);

  // The error is told of a run that has failed, whatever word says so.
  const error = page.locator("section.error");
  assert.equal(await error.isVisible(), false);
  await sql("SELECT runmeta.finish('a', 'timed_out')");
  await error.waitFor();
  assert.equal(await text(".error-name"), "TypeError");
  assert.equal(await text(".error-message"), "no city\\u0007");
  await error.getByRole("button", { name: "all 31 lines" }).click();
  assert.ok((await text(".error-stack")).startsWith(STACK));
  assert.ok((await error.boundingBox()).y < (await page.locator(".run-columns").boundingBox()).y, "the error is below");
  await sql("SELECT runmeta.set('a', 'error', $1)", JSON.stringify("no city\nin row 7"));
  await eventually(() => error.locator("p, pre").allInnerTexts(), ["no city\nin row 7", ""], "the error");
  await sql("SELECT runmeta.start('a', attempt => 2)");
  await error.waitFor({ state: "hidden" });

  // A run with neither progress nor logs has one column, others have two.
  const columns = () => page.locator(".run-columns").evaluate((element) => getComputedStyle(element).gridTemplateColumns.split(" ").length);
  assert.equal(await columns(), 2);
  await sql("SELECT runmeta.merge('a', '{\"logs\": null}')");
  await eventually(columns, 1, "columns");
  await sql("SELECT runmeta.set('a', 'progress', '0.5')");
  await eventually(columns, 2, "columns");

  // Bars of a family are as long whether or not their runs count; where it scrolls, half a row is seen.
  const statuses = ["completed", "cancelled", "failed"];
  for (let child = 1; child <= 20; child += 1) {
    const progress = child % 2 === 0 ? { progress: 0.5 } : { totalRows: 200_000, processedRows: 50_000 };
    await sql("SELECT runmeta.start($1, $2, parent_run_id => 'a')", `a/${child}`, progress);
    if (child <= 3) await sql("SELECT runmeta.finish($1, $2)", `a/${child}`, statuses[child - 1]);
  }
  await see(page, ".family-card .hint", "21 runs: 18 running, 1 failed, 1 cancelled, 1 completed");
  for (const width of [1360, 360]) {
    await page.setViewportSize({ width, height: 800 });
    const lengths = await page.locator(".family-row .bar-all").evaluateAll((bars) => bars.map((bar) => Math.round(bar.getBoundingClientRect().width)));
    assert.equal(lengths.length, 21);
    assert.deepEqual([...new Set(lengths)].length, 1, `bars at ${width} pixels: ${lengths}`);
    const parts = await page.locator(".family").evaluate((list) => {
      const bottom = list.getBoundingClientRect().bottom;
      const cut = [...list.children].map((row) => row.getBoundingClientRect()).find((row) => row.top < bottom && row.bottom > bottom);
      return cut ? (bottom - cut.top) / cut.height : 0;
    });
    assert.ok(parts > 0.3 && parts < 0.7, `${parts} of a row is seen at ${width} pixels`);
  }
});
