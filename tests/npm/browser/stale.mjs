// A connection that is lost: what is shown is marked as stale, and comes up to date by itself.
import net from "node:net";
import { GATEWAY, run, see, sql, texts } from "./dashboard.mjs";

/** Passes connections on to the gateway, and can cut them. */
class Cable {
  #sockets = new Set();
  isCut = false;
  #server = net.createServer((socket) => {
    if (this.isCut) return socket.destroy();
    const { hostname, port } = new URL(GATEWAY);
    const other = net.connect(Number(port), hostname);
    for (const [one, another] of [[socket, other], [other, socket]]) {
      this.#sockets.add(one);
      one.on("error", () => another.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        another.destroy();
      });
      one.pipe(another);
    }
  });

  async open() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  cut() {
    this.isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

await run(async (open) => {
  await sql(`SELECT runmeta.start('a', '{"progress": 0.25}')`);
  await sql(`SELECT runmeta.start('b', '{"progress": 0.1}')`);
  const cable = new Cable();
  const gateway = await cable.open();
  const table = await open("", { gateway });
  const page = await open("run?id=a", { gateway });
  await see(table, "tr", "25 %");
  await see(page, ".bars li", "25 %");
  cable.cut();
  for (const one of [table, page]) {
    await see(one, "#connection", "Stale");
    await see(one, ".notice", /Connection lost at \d\d:\d\d:\d\d\. What you see is from then\./);
    await see(one, "#announcer", "Connection lost");
  }
  await sql(`SELECT runmeta.set('a', 'progress', '0.5')`);
  await sql(`SELECT runmeta.finish('b', 'failed')`);
  await sql(`SELECT runmeta.start('c')`);
  cable.mend();
  // The page may come back by itself before the mouse is there.
  await page.getByRole("button", { name: "Try now", includeHidden: true }).dispatchEvent("click");
  await see(page, ".bars li", "50 %");
  await texts(table, ".runs .cell-id .run-id", ["c", "b", "a"]);
  await see(table, "tr", "failed");
  await see(table, "tr", "50 %");
  for (const one of [table, page]) {
    await see(one, "#connection", "Live");
    await one.locator(".notice", { hasText: "Connection lost" }).waitFor({ state: "hidden" });
  }
  cable.close();
});
