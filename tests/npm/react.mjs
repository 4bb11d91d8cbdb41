// Bundles page.jsx, opens it in a browser from an origin of its own, and prints what it shows, each time that it changes.
import { createServer } from "node:http";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { print } from "./print.mjs";

const [id, accessToken, executablePath] = process.argv.slice(2);
const { outputFiles } = await build({
  entryPoints: ["tests/entry.jsx"],
  bundle: true,
  write: false,
  format: "esm",
  jsx: "automatic",
  preserveSymlinks: true,
  define: { "process.env.NODE_ENV": '"production"' },
  // Loaded only in Node, by what a browser never calls.
  external: ["node:http2"],
});
const settings = JSON.stringify({ id, accessToken, baseURL: process.env.TRIGGER_API_URL });
const server = createServer((request, response) => {
  const script = request.url === "/page.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? outputFiles[0].text : `<!doctype html><body></body><script>settings = ${settings}</script><script type="module" src="/page.js"></script>`);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"], timeout: 120_000 });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  page.on("pageerror", (error) => print("error", String(error)));
  page.on("console", (message) => print("console", message.text()));
  await page.exposeFunction("show", (shown) => print("shown", shown));
  await page.addInitScript(() => {
    let last;
    const look = () => {
      const bar = document.querySelector("progress");
      const text = document.querySelector("label")?.textContent ?? document.querySelector("p")?.textContent;
      const shown = { text: text?.trim(), value: bar?.value, width: bar?.getBoundingClientRect().width, words: document.querySelector("#words")?.textContent };
      if (JSON.stringify(shown) !== last) show(shown);
      last = JSON.stringify(shown);
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  print("opened", true);
  await page.waitForFunction(() => /COMPLETED|FAILED/.test(document.querySelector("label")?.textContent) && document.querySelector("#words")?.textContent.endsWith("end"), null, { timeout: 0 });
  print("finished", true);
} finally {
  await browser.close();
  server.close();
}
process.exit();
