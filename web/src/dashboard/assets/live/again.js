// Reads that are tried again by themselves, as event streams are.

import { mayPass } from "../api.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/**
 * Returns what `read` returns. A failure that may pass is given to `failed`, and the read is tried again after a delay that doubles; any
 * other is thrown, and so is what happens when the signal ends it.
 */
export async function untilRead(read, signal, failed = () => {}) {
  for (let delay = FIRST_DELAY; ; delay = Math.min(delay * 2, LONGEST_DELAY)) {
    try {
      return await read();
    } catch (problem) {
      if (signal.aborted || !mayPass(problem)) throw problem;
      failed(problem);
    }
    await new Promise((resolve) => setTimeout(resolve, delay));
    signal.throwIfAborted();
  }
}
