// Requests that get no answer. Without HTTP/2 a browser opens six connections to a host, for all its tabs. When event streams have them
// all, a request waits in the browser, and the gateway does not know of it.

import { connection } from "./connection.js";

/** A request without an answer for so long may wait for a connection, in milliseconds. A guess; answers take a few. */
const PATIENCE = 3_000;

/** A request that the gateway answers at once has an answer within this time, unless no connection is free. */
const PROBE = 1_000;

const waiting = new Set();

/** Returns what `request` returns, and says so when it waits for a connection. */
export async function answered(request) {
  const one = {};
  waiting.add(one);
  const timer = setTimeout(probe, PATIENCE);
  try {
    return await request;
  } finally {
    clearTimeout(timer);
    waiting.delete(one);
    if (waiting.size === 0) connection.isBlocked = false;
  }
}

/** A request that takes long at the gateway, such as a search, holds up no other one. */
async function probe() {
  const timer = setTimeout(() => (connection.isBlocked = waiting.size > 0), PROBE);
  try {
    await fetch(new URL("healthz", document.baseURI), { cache: "no-store", credentials: "omit" });
  } catch {
    // That the gateway is away is said where its answer is missed.
  }
  clearTimeout(timer);
  connection.isBlocked = false;
}

/** Whether connections are few: not with HTTP/2. What came from the browser's copy has no protocol. */
export function isNarrow() {
  return !performance.getEntries().some(({ nextHopProtocol }) => /^h[23]/.test(nextHopProtocol ?? ""));
}
