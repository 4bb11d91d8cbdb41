// Event streams, read by fetch: an EventSource cannot send a key.
//
// A stream that ends or stays silent is opened again, after a delay that doubles, with the id of its last event. What the page shows
// meanwhile is marked as stale by the connection (connection.js). A page that nobody sees has no streams: a browser opens six
// connections to a host without HTTP/2, for all its tabs, also for pages that it keeps to go back to.

import { mayPass, send } from "../api.js";
import { Frames } from "./frames.js";
import { connection } from "./connection.js";

/** The gateway sends a comment each 15 s: after more than two of them the connection is dead. */
const SILENCE = 40_000;

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/** A tab in the background gives its connections back after this time: somebody who looks at another tab for a moment needs no new ones. */
const HIDDEN = 5_000;

/**
 * Follows an event stream until `close` is called, it ends by itself, or it is refused.
 *
 * `on` has a function for each kind of event, which gets its data and id; `open` is called whenever the stream begins, also
 * anew; `over` when nothing more will come, with the problem if there is one.
 */
export function follow(url, on, { resumes = true } = {}) {
  const stream = new Following(url, on, resumes);
  stream.run();
  return stream;
}

class Following {
  #url;
  #on;
  #resumes;
  #channel = connection.channel();
  #closed = false;
  #lastId;
  #delay = FIRST_DELAY;
  #abort;
  #wake;
  #hide;

  constructor(url, on, resumes) {
    this.#url = url;
    this.#on = on;
    this.#resumes = resumes;
    this.#channel.retry = () => this.#wake?.();
  }

  async run() {
    const listening = new AbortController();
    const { signal } = listening;
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal });
    addEventListener("pagehide", () => this.#sleep(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.#visibility(), { signal });
    // A tab may be opened in the background.
    this.#visibility();
    try {
      while (!this.#closed) {
        if (this.#isAsleep) {
          await new Promise((resolve) => (this.#wake = resolve));
          continue;
        }
        if (await this.#attempt()) break;
        if (this.#closed || this.#isAsleep) continue;
        const delay = this.#delay * (0.75 + Math.random() / 2);
        this.#delay = Math.min(Math.max(this.#delay * 2, FIRST_DELAY), LONGEST_DELAY);
        this.#channel.lost(Date.now() + delay);
        await this.#pause(delay);
      }
    } finally {
      listening.abort();
      this.close();
    }
  }

  /** Ends it. */
  close() {
    this.#closed = true;
    this.#channel.close();
    clearTimeout(this.#hide);
    this.#abort?.abort();
    this.#wake?.();
  }

  /** Opens the stream anew, from its beginning: what was read of it does not fit what comes. */
  restart() {
    this.#lastId = undefined;
    this.#delay = 0;
    this.#abort?.abort();
  }

  /** Reads the stream once; returns true if nothing more will come. */
  async #attempt() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => this.#abort.abort(), SILENCE);
    };
    try {
      this.#channel.connecting();
      heard();
      const headers = { Accept: "text/event-stream" };
      if (this.#resumes && this.#lastId !== undefined) headers["Last-Event-ID"] = this.#lastId;
      const response = await send(this.#url, { headers, signal });
      if (response.status === 204) return this.#over();
      this.#channel.live();
      this.#on.open?.();
      const frames = new Frames();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return false;
        heard();
        for (const event of frames.push(value)) {
          this.#delay = FIRST_DELAY;
          if (this.#take(event)) return true;
        }
      }
    } catch (error) {
      const isFinal = !mayPass(error);
      if (isFinal) this.#over(error);
      return isFinal;
    } finally {
      clearTimeout(silence);
      this.#abort.abort();
    }
  }

  /** Takes an event; returns true if it is the last one. */
  #take({ event, data, id, retry }) {
    if (retry !== undefined) this.#delay = retry;
    if (id !== undefined) this.#lastId = id;
    if (data === "" || this.#closed) return false;
    this.#on[event]?.(data, id);
    return event === "end" && this.#over();
  }

  #over(problem) {
    this.#channel.close();
    if (!this.#closed) this.#on.over?.(problem);
    return true;
  }

  #pause(delay) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, delay);
    });
  }

  #isAsleep = false;

  #visibility() {
    clearTimeout(this.#hide);
    if (document.visibilityState !== "visible") {
      this.#hide = setTimeout(() => this.#sleep(), HIDDEN);
      return;
    }
    if (this.#isAsleep) this.#channel.woke();
    this.#isAsleep = false;
    this.#delay = FIRST_DELAY;
    this.#wake?.();
  }

  /** Gives the connection back until the page is seen. */
  #sleep() {
    clearTimeout(this.#hide);
    if (this.#isAsleep || this.#closed) return;
    this.#isAsleep = true;
    this.#channel.asleep();
    this.#abort?.abort();
    this.#wake?.();
  }
}
