// The dashboard in a browser, and the database behind it: what the programs beside this one share.
//
// The environment names the gateway (GATEWAY, KEY), the browser (CHROMIUM) and the database, as libpq reads it.
import assert from "node:assert/strict";
import pg from "pg";
import { chromium } from "playwright-core";

export const GATEWAY = process.env.GATEWAY;
export const KEY = process.env.KEY;

const db = new pg.Client({ connectionString: process.env.DATABASE_URL });

/** Runs SQL, and returns the rows. */
export async function sql(text, ...values) {
  return (await db.query(text, values)).rows;
}

/**
 * Runs a program with a browser. `open(path, options)` gives it a page of the dashboard that is signed in. At the end no page may have
 * thrown an error, opened a dialog, or violated its policy.
 */
export async function run(program) {
  await db.connect();
  // In a container, root has no sandbox.
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  const faults = [];
  const open = async (path = "", { gateway = GATEWAY, key = KEY, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: "en-GB", timezoneId: "UTC", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => faults.push(error.stack));
    page.on("dialog", (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.exposeFunction("fault", (text) => faults.push(text));
    await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => fault(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    await page.goto(`${gateway}/${path}${key === null ? "" : `#key=${encodeURIComponent(key)}`}`);
    return page;
  };
  try {
    await program(open, browser);
    assert.deepEqual(faults, []);
    console.log("done");
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
  const shown = () => page.locator(selector).allInnerTexts();
  for (let left = 600; left > 0; left -= 1) {
    if (JSON.stringify(await shown()) === JSON.stringify(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(await shown(), expected);
}
