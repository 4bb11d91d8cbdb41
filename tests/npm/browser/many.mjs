// 100,000 runs: pages come as somebody scrolls, and the rows in the page stay few.
import assert from "node:assert/strict";
import { run, see, sql } from "./dashboard.mjs";

const RUNS = 100_000;

await run(async (open) => {
  await sql(
    `INSERT INTO runmeta.run (root_id, id, task, status, metadata, created_at, started_at, updated_at, finished_at)
    SELECT id, id, 'import', 'completed', '{"totalRows": 100, "processedRows": 100}', at, at, at, at + interval '9 s'
    FROM (SELECT 'run-' || lpad(n::text, 6, '0') AS id, now() - (1000000 - n) * interval '1 s' AS at FROM generate_series(1, $1) AS n) AS r`,
    RUNS,
  );
  await sql("ANALYZE runmeta.run");
  const page = await open();
  const last = () => page.locator(".runs tbody tr:not(.spacer)").last().getAttribute("aria-rowindex");
  await see(page, ".runs .run-id", `run-${RUNS}`);
  let most = 0;
  for (let pages = 1; pages <= 12; pages += 1) {
    const before = Number(await last());
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForFunction((before) => Number([...document.querySelectorAll(".runs tbody tr:not(.spacer)")].at(-1).getAttribute("aria-rowindex")) > before, before);
    most = Math.max(most, await page.locator(".runs tbody tr").count());
  }
  assert.ok(most < 80, `${most} rows`);
  const shown = await page.locator(".runs .run-id").allInnerTexts();
  assert.deepEqual(shown, [...shown].sort().reverse());

  // A new run does not move what is being read.
  const row = page.locator(".runs tbody tr:not(.spacer)").nth(15);
  const id = await row.locator(".run-id").innerText();
  const place = () => page.evaluate((id) => [...document.querySelectorAll(".runs .run-id")].find((link) => link.textContent === id)?.getBoundingClientRect().top, id);
  const [before, index] = [await place(), await row.getAttribute("aria-rowindex")];
  await sql("SELECT runmeta.start('newest')");
  await page.waitForFunction(([id, index]) => [...document.querySelectorAll(".runs tr")].some((row) => row.textContent.includes(id) && Number(row.getAttribute("aria-rowindex")) === Number(index) + 1), [id, index]);
  assert.ok(Math.abs((await place()) - before) < 2);
  await page.evaluate(() => scrollTo(0, 0));
  await see(page, ".runs .run-id", "newest");
  await page.getByRole("searchbox", { name: "Search" }).fill("run-000077");
  await page.waitForFunction(() => [...document.querySelectorAll(".runs .run-id")].map((link) => link.textContent).join() === "run-000077");
});
