// Connections are few without HTTP/2: pages that nobody sees give theirs back, and a page that gets none says so.
import assert from "node:assert/strict";
import { eventually, GATEWAY, KEY, run, see, sql, texts } from "./dashboard.mjs";

/** Connections that a browser opens to a host. */
const MOST = 6;

/** Returns how many event streams the gateway has. */
async function streams() {
  const response = await fetch(`${GATEWAY}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
  return Number((await response.text()).match(/^runmeta_web_streams (\d+)/m)[1]);
}

/** Has a page believe that its tab is seen, or not. */
const turn = (page, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

/** Has a page believe that somebody leaves it, or comes back to it. */
const pass = (page, name) => page.evaluate((name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true })), name);

await run(
  async (open) => {
    await sql("SELECT runmeta.start('nightly', '{\"progress\": 0.25}'), runmeta.start('broken')");
    await sql("SELECT runmeta.start('nightly/' || n, parent_run_id => 'nightly') FROM generate_series(1, 3) AS n");
    await sql("SELECT runmeta.finish('broken', 'failed')");

    // One after another, as somebody types addresses. The browser keeps the pages of before.
    const page = await open("run?id=nightly");
    for (const [path, selector, text] of [["", ".runs .run-id", "broken"], ["run?id=nightly", ".family-row", "…/3"], ["?group=failed", ".runs .run-id", "broken"], ["run?id=nightly", ".bars li", "25 %"]]) {
      await page.goto(`${GATEWAY}/${path}`);
      await see(page, selector, text);
    }
    await eventually(streams, 2, "streams");

    // A page that is left gives them back, and one that is come back to is up to date.
    await pass(page, "pagehide");
    await eventually(streams, 0, "streams of a page that was left");
    await sql("SELECT runmeta.set('nightly', 'progress', '0.5')");
    await pass(page, "pageshow");
    await see(page, ".bars li", "50 %");
    await eventually(streams, 2, "streams");

    // So does a tab in the background.
    await turn(page, "hidden");
    await eventually(streams, 0, "streams of a tab in the background");
    await sql("SELECT runmeta.set('nightly', 'progress', '0.75')");
    await turn(page, "visible");
    await see(page, ".bars li", "75 %");
    await see(page, "#connection", "Live");
    assert.equal(await page.locator(".notice").first().isVisible(), false);

    // Where other tabs have all connections, the page says why it shows nothing.
    await page.goto(`${GATEWAY}/`);
    await see(page, ".runs .run-id", "broken");
    await page.evaluate(
      ([most, key]) => {
        window.held = new AbortController();
        for (let count = 0; count < most; count += 1) {
          fetch(`v1/events?all=true&select=held${count}`, { credentials: "omit", headers: { authorization: `Bearer ${key}` }, signal: held.signal }).catch(() => {});
        }
      },
      [MOST, KEY],
    );
    await eventually(streams, MOST, "streams");
    await page.getByRole("link", { name: "broken" }).click();
    await page.locator(".reading").waitFor();
    await see(page, "#connection", "No answer");
    await see(page, ".notice", "Close other tabs");
    await see(page, "#announcer", "No answer from the gateway.");
    await page.getByRole("link", { name: "runmeta", exact: true }).click();
    await page.locator(".reading").waitFor();
    assert.equal(await page.locator(".empty:not(.reading)").count(), 0);
    await page.evaluate(() => held.abort());
    await texts(page, ".runs .cell-id .run-id", ["broken", "nightly"]);
    await see(page, "#connection", "Live");
    await page.locator(".notice", { hasText: "Close other tabs" }).waitFor({ state: "hidden" });
  },
  { keepsPages: true },
);
