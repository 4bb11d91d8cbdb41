// Ids, metadata, logs and streams that are HTML and script: they are shown as the texts they are.
import assert from "node:assert/strict";
import { run, see, sql } from "./dashboard.mjs";

const IMAGE = `<img src=x onerror="alert('image')">`;
const SCRIPT = `"'><script>alert("script")</script>`;
const LINK = "javascript:alert('link')";

await run(async (open) => {
  const metadata = { [IMAGE]: SCRIPT, [LINK]: { [SCRIPT]: IMAGE }, logs: [SCRIPT, { message: IMAGE, level: SCRIPT }], totalRows: 10, [`processed${""}Rows`]: 5, "<b>progress": 0.5 };
  for (const id of [IMAGE, SCRIPT, LINK, "a/../b", "line\nbreak", "\u202eabc", "__proto__"]) {
    await sql("SELECT runmeta.start($1, $2, task => $3, tags => $4)", id, metadata, SCRIPT, [IMAGE, LINK]);
  }
  await sql("SELECT runmeta.start($1, parent_run_id => $2)", `${IMAGE}/child`, IMAGE);
  await sql("SELECT runmeta.stream_append($1, $2, $3)", IMAGE, SCRIPT, JSON.stringify([IMAGE, { [SCRIPT]: IMAGE }]));
  for (const [id, error] of [["text fails", SCRIPT], ["object fails", { name: SCRIPT, message: IMAGE, stack: `${IMAGE} at row 7` }]]) {
    await sql("SELECT runmeta.start($1, $2)", id, { error });
    await sql("SELECT runmeta.finish($1, 'failed')", id);
  }
  const page = await open();
  for (const id of [IMAGE, SCRIPT, LINK, "a/../b", "line\\u000abreak", "\\u202eabc", "__proto__"]) await see(page, ".runs .run-id", id);
  await see(page, ".runs .tag", IMAGE);

  await page.locator(".runs .run-id").getByText(IMAGE, { exact: true }).click();
  await see(page, "h1", IMAGE);
  await see(page, ".key", IMAGE);
  await see(page, ".value", SCRIPT);
  await see(page, ".log .line", SCRIPT);
  await see(page, ".log .line", IMAGE);
  await see(page, ".bar-label", "<b>progress");
  await see(page, ".stream-name", SCRIPT);
  await see(page, "pre.stream", IMAGE);
  await see(page, ".family .run-id", "…/child");
  await sql("SELECT runmeta.append($1, 'logs', $2)", IMAGE, JSON.stringify(`${SCRIPT} again`));
  await see(page, ".log .line", `${SCRIPT} again`);
  await page.evaluate(() => (navigator.clipboard.writeText = async (text) => (window.copied = text)));
  await page.getByRole("button", { name: "Copy as SQL", exact: true }).click();
  assert.equal((await sql(await page.evaluate(() => window.copied)))[0].id, IMAGE);

  await page.locator(".tags .task").click();
  await see(page, "h1", SCRIPT);
  await see(page, ".counts", "running");
  await page.goto(new URL("tasks", page.url()).href);
  await see(page, "th", SCRIPT);
  for (const query of [`?text=${encodeURIComponent(SCRIPT)}`, `?status=${encodeURIComponent(IMAGE)}`, `?root=${encodeURIComponent(SCRIPT)}`, `run?id=${encodeURIComponent(`${IMAGE}nobody`)}`]) {
    await page.goto(new URL(query, new URL("/", page.url())).href);
    await see(page, ".empty:visible, .problem:visible, .runs:visible");
  }
  for (const id of ["a/../b", "line\nbreak", "__proto__", "\u202eabc"]) {
    await page.goto(new URL(`run?id=${encodeURIComponent(id)}`, page.url()).href);
    await see(page, ".run-title .status", "running");
  }
  await page.goto(new URL("run?id=text+fails", page.url()).href);
  await see(page, ".error-message", SCRIPT);
  await page.goto(new URL("run?id=object+fails", page.url()).href);
  for (const [selector, text] of [[".error-name", SCRIPT], [".error-message", IMAGE], [".error-stack", IMAGE]]) await see(page, selector, text);
  // Nothing of it became an element.
  assert.equal(await page.locator("img, script:not([src]), [onerror]").count(), 0);
});
