// What rows and pages say beside their numbers: why a run failed, what is below it, and how long it took where that was short.
import assert from "node:assert/strict";
import { eventually, GATEWAY, run, see, sql, texts } from "./dashboard.mjs";

const IDS = ".runs .cell-id .run-id";

await run(async (open) => {
  await sql("SELECT runmeta.start('text', $1), runmeta.finish('text', 'failed')", { progress: 1, error: "\nno city\n  in row 7" });
  await sql("SELECT runmeta.start('object', $1), runmeta.finish('object', 'timed_out')", { progress: 1, error: { name: "TypeError", message: "no street\nat all", stack: `TypeError: no street\nat all\n${"at row 7\n".repeat(20)}` } });
  await sql("SELECT runmeta.start('python', $1), runmeta.finish('python', 'failed')", { error: 'Traceback (most recent call last):\n  File "a.py", line 7\nValueError: no house\n' });
  await sql("SELECT runmeta.start('silent', '{\"progress\": 1}'), runmeta.finish('silent', 'failed')");
  await sql("SELECT runmeta.start('nightly', '{\"progress\": 0.5}')");
  await sql("SELECT runmeta.start('nightly/' || lpad(n::text, 3, '0'), parent_run_id => 'nightly') FROM generate_series(1, 450) AS n");
  await sql("SELECT runmeta.finish('nightly/' || lpad(n::text, 3, '0')) FROM generate_series(1, 447) AS n WHERE n <> 400");
  await sql("SELECT runmeta.set('nightly/400', 'error', '\"no row\"'), runmeta.finish('nightly/400', 'failed')");
  await sql("UPDATE runmeta.run SET started_at = now() - interval '9 s', finished_at = now() - interval '8.75 s' WHERE id = 'silent'");
  const page = await open();
  const row = (id) => page.locator(".runs tr", { has: page.locator(".run-id", { hasText: id }) });

  // Why a run failed stands in place of a full bar.
  await see(page, IDS, "nightly");
  await eventually(() => row("text").locator(".cell-progress").innerText(), "no city", "the reason");
  await eventually(() => row("object").locator(".cell-progress").innerText(), "no street", "the reason");
  await eventually(() => row("python").locator(".cell-progress").innerText(), "ValueError: no house", "the reason");
  await eventually(() => row("silent").locator(".cell-progress .bar-percent").innerText(), "100 %", "without a reason");
  await sql("SELECT runmeta.start('later', '{\"progress\": 1}')");
  await see(page, IDS, "later");
  await sql("SELECT runmeta.merge('later', '{\"error\": {\"message\": \"no land\"}}')");
  await sql("SELECT runmeta.finish('later', 'failed')");
  await eventually(() => row("later").locator(".cell-progress").innerText(), "no land", "the reason of a change");

  // What is below, and a short time.
  await eventually(() => row("nightly").locator(".below").innerText(), "3 active below", "runs below");
  await sql("SELECT runmeta.finish('nightly/450')");
  await eventually(() => row("nightly").locator(".below").innerText(), "2 active below", "runs below");
  await eventually(() => row("silent").locator(".cell-duration").innerText(), "250 ms", "a duration");

  // One word of a group is another filter than the group.
  await page.goto(`${GATEWAY}/?status=failed`);
  await texts(page, IDS, ["later", "silent", "python", "text"]);
  await texts(page, ".chip[aria-current]", ["Only “failed”"]);

  // A large family: what failed comes first, and the others when somebody asks for them.
  await page.goto(`${GATEWAY}/run?id=nightly`);
  await see(page, ".family-row", "failed");
  assert.deepEqual((await page.locator(".family-row .run-id").allInnerTexts()).slice(0, 2), ["nightly", "…/400"]);
  await texts(page, ".family-row .bar:visible", ["50 %", "no row"]);
  assert.equal(await page.locator(".family-row").count(), 200);
  await page.getByRole("button", { name: "Show 200 more of 251 runs" }).click();
  await eventually(() => page.locator(".family-row").count(), 400, "rows");
  await page.getByRole("button", { name: "Show 51 more runs" }).click();
  await eventually(() => page.locator(".family-row").count(), 451, "rows");

  // An error is told once: its trace without the message above it, in letters of one width, and folded in the metadata.
  await page.goto(`${GATEWAY}/run?id=object`);
  await see(page, ".error-stack", /^at row 7/);
  const font = (selector) => page.locator(selector).evaluate((one) => getComputedStyle(one).fontFamily);
  assert.match(await font(".error-stack"), /mono/i);
  assert.equal(await page.locator(".fold[aria-label=error]").getAttribute("aria-expanded"), "false");
  await page.goto(`${GATEWAY}/run?id=text`);
  await see(page, ".error-message", "in row 7");
  assert.match(await font(".error-message"), /mono/i);
  assert.equal(await page.getByText("in row 7").count(), 1);
  await page.goto(`${GATEWAY}/run?id=silent`);
  await see(page, ".facts > div", /Ran\s*250 ms/);

  // A task that nobody knows.
  for (const [name, words] of [["nobody", "There is no run of this task."], ["", "The address names no task."]]) {
    await page.goto(`${GATEWAY}/task?name=${name}`);
    await see(page, ".empty", words);
    assert.equal(await page.locator(".charts").isVisible(), false);
    assert.equal(await page.locator(".problem").count(), 0);
  }

  // On a phone, rows without progress are lower.
  await sql("SELECT runmeta.start('plain', tags => '{plain}')");
  await page.setViewportSize({ width: 360, height: 740 });
  const height = (id) => row(id).evaluate((one) => one.getBoundingClientRect().height);
  await page.goto(`${GATEWAY}/`);
  await see(page, IDS, "plain");
  assert.equal(await height("plain"), 86);
  await page.goto(`${GATEWAY}/?tag=plain`);
  await see(page, IDS, "plain");
  assert.equal(await height("plain"), 62);
});
