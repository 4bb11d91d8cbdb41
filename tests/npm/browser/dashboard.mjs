// The dashboard in a browser, and the database behind it: what the programs beside this one share.
//
// The environment names the gateway (GATEWAY, KEY), the browser (CHROMIUM) and the database, as libpq reads it.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { chromium } from "playwright-core";
import { Witness } from "./witness.mjs";

export const GATEWAY = process.env.GATEWAY;
export const KEY = process.env.KEY;

/**
 * Milliseconds that anything awaited may take, beginning with the start of the browser. On two cores beside other tests a page took
 * more than 30 s once, and a stream that is silent is given up after 40 s.
 */
const PATIENCE = 120_000;

/** The test ends a program after 300 s (tests/server/web/browser.rs), and then nobody says what was seen. */
const LONGEST = 280_000;

const db = new pg.Client({ connectionString: process.env.DATABASE_URL });

/** Runs SQL, and returns the rows. */
export async function sql(text, ...values) {
  return (await db.query(text, values)).rows;
}

/**
 * Runs a program with a browser. `open(path, options)` gives it a page of the dashboard that is signed in. At the end no page may have
 * thrown an error, opened a dialog, or violated its policy. A failure says what all pages showed. `keepsPages` is whether the browser keeps
 * pages to go back to, as all do but those that are tested by Playwright.
 */
export async function run(program, { keepsPages = false } = {}) {
  await db.connect();
  // In a container, root has no sandbox.
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"], ignoreDefaultArgs: keepsPages ? ["--disable-back-forward-cache"] : [], timeout: PATIENCE });
  const witness = new Witness();
  const open = async (path = "", { gateway = GATEWAY, key = KEY, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: "en-GB", timezoneId: "UTC", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    await witness.watch(page);
    await page.goto(`${gateway}/${path}${key === null ? "" : `#key=${encodeURIComponent(key)}`}`);
    return page;
  };
  const late = async () => {
    await pause(LONGEST - performance.now(), undefined, { ref: false });
    throw new Error(`the program was not over after ${LONGEST / 1_000} s`);
  };
  try {
    await Promise.race([program(open, browser), late()]);
    assert.deepEqual(witness.faults, []);
    console.log("done");
  } catch (error) {
    await witness.report();
    throw error;
  } finally {
    await browser.close();
    await db.end();
  }
}

/** Waits until an element with this text is seen. */
export async function see(page, selector, text) {
  const found = page.locator(selector);
  await (text === undefined ? found : found.filter({ hasText: text })).first().waitFor();
}

/** Waits until no element with this text is there. */
export async function miss(page, selector, text) {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ state: "detached" });
}

/** Waits until the texts of elements are these. */
export async function texts(page, selector, expected) {
  await eventually(() => page.locator(selector).allInnerTexts(), expected, selector);
}

/** Waits until what `look` returns is this. */
export async function eventually(look, expected, what) {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    const isLate = performance.now() > end;
    if (isLate) assert.deepEqual(seen, expected, what && `${what} is not as awaited: ${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}`);
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    await pause(50);
  }
}
