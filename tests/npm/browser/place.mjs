// Whoever opens a run and comes back is where they were in the table; keys lead there and back.
import assert from "node:assert/strict";
import { eventually, GATEWAY, run, see, sql } from "./dashboard.mjs";

await run(async (open) => {
  await sql(
    `INSERT INTO runmeta.run (root_id, id, task, status, metadata, created_at, started_at, updated_at, finished_at)
    SELECT id, id, 'import', 'completed', '{}', at, at, at, at + interval '9 s'
    FROM (SELECT 'run-' || lpad(n::text, 4, '0') AS id, now() - (10000 - n) * interval '1 s' AS at FROM generate_series(1, 2000) AS n) AS r`,
  );
  const page = await open();
  await see(page, ".runs .run-id", "run-2000");
  const last = () => page.locator(".runs tbody tr:not(.spacer)").last().getAttribute("aria-rowindex");
  while (Number(await last()) < 800) {
    const before = Number(await last());
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForFunction((before) => Number([...document.querySelectorAll(".runs tbody tr:not(.spacer)")].at(-1).getAttribute("aria-rowindex")) > before, before);
  }
  await page.evaluate(() => scrollTo(0, 700 * 40));
  const place = (id) => page.evaluate((id) => Math.round([...document.querySelectorAll(".runs .run-id")].find((link) => link.textContent === id)?.getBoundingClientRect().top ?? -1), id);
  await see(page, ".runs .run-id", "run-1295");
  const before = await place("run-1295");

  // Back, by the browser and by a key, also where runs were added above.
  await page.locator(".runs .run-id", { hasText: "run-1295" }).click();
  await see(page, "h1", "run-1295");
  await page.goBack();
  await eventually(() => place("run-1295"), before, "the place");
  await page.locator(".runs .run-id", { hasText: "run-1295" }).click();
  await see(page, "h1", "run-1295");
  await sql("SELECT runmeta.start('newer')");
  await page.keyboard.press("u");
  await eventually(() => place("run-1295"), before, "the place below a run that is new");
  await page.locator(".runs .run-id", { hasText: "run-1295" }).click();
  await see(page, "h1", "run-1295");
  await page.goto(`${GATEWAY}/tasks`);
  await see(page, "h1", "Tasks");
  await page.goBack();
  await see(page, "h1", "run-1295");
  await page.keyboard.press("Escape");
  await eventually(() => place("run-1295"), before, "the place after another page");

  // A run that was opened by its address leads to the table.
  await page.goto("about:blank");
  await page.goto(`${GATEWAY}/run?id=newer`);
  await see(page, "h1", "newer");
  await page.keyboard.press("u");
  await see(page, ".runs .run-id", "newer");

  // The keys say themselves what they do.
  await page.keyboard.press("?");
  await see(page, "dialog.keys", "next run of the table");
  await page.keyboard.press("?");
  await page.locator("dialog.keys").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Keys" }).click();
  await page.locator("dialog.keys").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog.keys").waitFor({ state: "hidden" });
  assert.equal(await page.locator("h1").innerText(), "Runs");
});
