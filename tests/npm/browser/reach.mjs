// Who reaches the pages: keyboards, phones, screen readers, and eyes in the dark.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { run, see, sql } from "./dashboard.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PAGES = { "": "tr", "?text=nothing": ".empty", "run?id=nightly": ".family-row", "run?id=nightly%2F1": ".error-stack", "run?id=nobody": ".problem", tasks: "tbody th", "task?name=import": ".picture .tick", "task?name=nobody": ".empty:not(.reading)" };

/** Returns what axe finds that is serious or critical. */
async function findings(page) {
  // The page's policy lets no script in; a debugger's may be evaluated.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`);
}

const focused = (page) => page.evaluate(() => document.activeElement.textContent || document.activeElement.getAttribute("name"));

await run(async (open) => {
  await sql(`SELECT runmeta.start('nightly', '{"totalRows": 400, "processedRows": 100, "logs": [{"level": "warn", "message": "a"}, {"level": "error", "message": "b"}], "flag": true, "none": null, "more": {"deep": {"er": 1}}}', task => 'nightly', tags => '{prod}')`);
  await sql(`SELECT runmeta.start('nightly/' || n, '{"progress": 0.5}', parent_run_id => 'nightly', task => 'import') FROM generate_series(1, 6) AS n`);
  await sql("SELECT runmeta.set('nightly/1', 'error', $1)", { name: "TypeError", message: "no city", stack: "at row 7\n".repeat(40) });
  await sql(`SELECT runmeta.finish('nightly/1', 'failed'), runmeta.finish('nightly/2'), runmeta.finish('nightly/3', 'canceled')`);
  await sql(`SELECT runmeta.start('waiting', status => 'queued', task => 'import')`);
  await sql(`SELECT runmeta.stream_append('nightly', 'tokens', '["Hello"]')`);
  for (const colorScheme of ["light", "dark"]) {
    const page = await open("", { key: null, colorScheme });
    await see(page, "label", "Secret key");
    assert.deepEqual(await findings(page), [], `sign-in, ${colorScheme}`);
    await page.close();
    const keys = await open("", { colorScheme });
    await see(keys, ".runs .run-id");
    await keys.keyboard.press("?");
    await see(keys, "dialog.keys");
    assert.deepEqual(await findings(keys), [], `keys, ${colorScheme}`);
    await keys.close();
    for (const [path, selector] of Object.entries(PAGES)) {
      const page = await open(path, { colorScheme, reducedMotion: "reduce" });
      await see(page, selector);
      assert.deepEqual(await findings(page), [], `${path}, ${colorScheme}`);
      await page.close();
    }
  }

  // A phone scrolls down only.
  const long = "x".repeat(200);
  await sql(`SELECT runmeta.start($1, $2, parent_run_id => 'nightly', task => 'import', tags => ARRAY[$3])`, long, { [long]: long, logs: [long], progress: 0.5 }, long.slice(1));
  for (const [path, selector] of [...Object.entries(PAGES), [`run?id=${long}`, ".member"]]) {
    const page = await open(path, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await see(page, selector);
    const { scroll, inner } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, inner: document.documentElement.clientWidth }));
    assert.ok(scroll <= inner, `${path}: ${scroll} of ${inner} pixels`);
    await page.close();
  }

  // Everything by keys: search, rows, a run, folding.
  const page = await open();
  await see(page, ".runs .run-id", "nightly");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("/");
  assert.equal(await focused(page), "search");
  await page.keyboard.type("waiting");
  await page.waitForFunction(() => document.querySelectorAll(".runs .run-id").length === 1);
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  assert.equal(await focused(page), "waiting");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid");
  await page.keyboard.press("Enter");
  await see(page, "h1", "waiting");
  assert.equal(await focused(page), "waiting");
  await page.goBack();
  await page.getByRole("link", { name: "Clear" }).press("Enter");
  await page.getByRole("switch", { name: "Top level only" }).press("Space");
  await page.waitForFunction(() => document.querySelectorAll(".runs .run-id").length === 9);
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(page), "waiting");
  await page.goto(new URL("run?id=nightly", page.url()).href);
  const fold = page.getByRole("button", { name: "more", exact: true });
  await fold.press("Enter");
  assert.equal(await fold.getAttribute("aria-expanded"), "false");
});
