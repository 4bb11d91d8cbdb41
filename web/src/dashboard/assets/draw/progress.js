// How far a run is, how fast its numbers grow, and so the time left (cli/src/live/follow.rs and speed.rs).

import { measures } from "./measure.js";

/** What is older than this is not counted in the rate of now. In milliseconds, as all times here. */
const WINDOW = 15_000;

/** The rate of a shorter time varies too much to be shown. */
const FIRST = 500;

/** Values that are kept, so that each takes a part of the window. */
const KEPT = 64;

/** The measures of one run, as they were seen. */
export class Progress {
  #measures = [];
  #seen = new Map();
  #isOver = false;

  /** The keys of the document that hold the measures. */
  keys = new Set();

  /** Takes the metadata of now. */
  see(metadata, isOver, now = performance.now()) {
    const found = measures(metadata);
    this.#measures = found.measures;
    this.keys = found.keys;
    this.#isOver = isOver;
    const labels = new Set(this.#measures.map(({ label }) => label));
    for (const label of this.#seen.keys()) if (!labels.has(label)) this.#seen.delete(label);
    for (const { label, done, total } of this.#measures) {
      if (!this.#seen.has(label)) this.#seen.set(label, { isOfHundred: false, speed: new Speed() });
      const seen = this.#seen.get(label);
      seen.isOfHundred ||= total === null && done > 1;
      seen.speed.see(done, now);
    }
  }

  /** Returns each measure as { label, done, total, whole, fraction, rate, left }; the whole is the total, or 1 or 100; rate by the second and time left in seconds, or null. */
  all(now = performance.now()) {
    return this.#measures.map(({ label, done, total }) => {
      const { isOfHundred, speed } = this.#seen.get(label);
      const whole = total ?? (isOfHundred ? 100 : 1);
      const left = Math.max(whole - done, 0);
      const rate = left > 0 && !this.#isOver ? speed.rate(now) : null;
      const fraction = Math.min(Math.max(done / whole, 0), 1) || 0;
      return { label, done, total, whole, fraction, rate, left: rate === null ? null : left / rate };
    });
  }

  /** Whether there is a measure. */
  get isKnown() {
    return this.#measures.length > 0;
  }

  /** Returns the first measure, or undefined. */
  first(now) {
    return this.isKnown ? this.all(now)[0] : undefined;
  }

  /** Forgets how fast it was: a pause of the connection is no pause of the run. */
  interrupt() {
    for (const seen of this.#seen.values()) seen.speed = new Speed();
  }
}

class Speed {
  #values = [];

  see(value, now) {
    const values = this.#values;
    // Another attempt begins anew.
    if (values.length > 0 && value < values.at(-1).value) values.length = 0;
    // Of values that come in quick succession the last one is kept.
    if (values.length >= 2 && now - values.at(-2).time < WINDOW / KEPT) values.pop();
    values.push({ time: now, value });
    while (values.length > 2 && now - values[1].time >= WINDOW) values.shift();
  }

  rate(now) {
    if (this.#values.length === 0) return null;
    const time = now - this.#values[0].time;
    const rate = (this.#values.at(-1).value - this.#values[0].value) / (time / 1_000);
    return time >= FIRST && rate > 0 && Number.isFinite(rate) ? rate : null;
  }
}
