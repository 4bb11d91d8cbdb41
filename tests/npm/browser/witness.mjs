// What a test of pages tells when it fails: the address of each page, what it shows, and what went wrong in it.

/** Lines of a page that are reported, of what it logged and of answers that were errors. */
const MOST_LINES = 30;

/** Letters that are reported of what a page shows. */
const MOST_LETTERS = 3_000;

/** A page that hangs is not waited for, in milliseconds. */
const LONGEST_LOOK = 10_000;

/** Watches pages. */
export class Witness {
  /** What no page may do: throw an error, open a dialog, violate its policy. */
  faults = [];
  #pages = [];

  /** Watches a page, which has not been opened yet. */
  async watch(page) {
    const lines = [];
    const note = (line) => {
      lines.push(`${(performance.now() / 1_000).toFixed(1)} s ${line}`);
      if (lines.length > MOST_LINES) lines.shift();
    };
    this.#pages.push({ page, lines });
    page.on("console", (message) => note(`console: ${message.text()}`));
    page.on("requestfailed", (request) => note(`failed: ${request.url()} ${request.failure()?.errorText}`));
    page.on("response", (response) => response.status() >= 400 && note(`${response.status()}: ${response.url()}`));
    page.on("crash", () => this.faults.push("the page crashed"));
    page.on("pageerror", (error) => this.faults.push(error.stack));
    page.on("dialog", (dialog) => {
      this.faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.exposeFunction("fault", (text) => this.faults.push(text));
    await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => fault(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  }

  /** Prints what was seen of all pages that are open. */
  async report() {
    console.log(`after ${(performance.now() / 1_000).toFixed(1)} s; faults: ${JSON.stringify(this.faults)}`);
    for (const { page, lines } of this.#pages) {
      if (page.isClosed()) continue;
      console.log([`--- ${page.url()}`, ...lines, await shown(page)].join("\n"));
    }
  }
}

/** Returns the texts of a page, as it is now. */
async function shown(page) {
  const late = new Promise((resolve) => setTimeout(resolve, LONGEST_LOOK, "the page does not answer").unref());
  const look = page.evaluate((most) => document.body.innerText.slice(0, most), MOST_LETTERS);
  return Promise.race([look.catch((error) => String(error)), late]);
}
