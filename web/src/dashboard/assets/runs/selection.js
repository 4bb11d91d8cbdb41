// The keys of the metadata that the table asks for: a document may have 250 kB, and a row shows a few numbers of it.
//
// Which numbers are progress is decided by their names (draw/measure.js), of which there is no list. So the keys are learned: from the
// first runs of a table, which are read whole once, and later from a run of each task that shows no progress. Those are read less
// often as long as that finds nothing; an event stream of selected keys does not tell of others.

import { measures } from "../draw/measure.js";

/** The API selects so many keys at most; what is learned beyond is not shown in the table. */
const MOST = 64;

/** Keys that are asked for from the beginning; the error is shown of a run that has failed. */
const USUAL = ["error", "progress", "total", "done", "processed", "completed", "finished", "current"];

/** Runs of a task are read whole after this time, in milliseconds, which grows fourfold each time that nothing is found. */
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 300_000;

/** The keys of the API's parameter `select` are written with commas, and without spaces around. */
const canBeAsked = (key) => key !== "" && key === key.trim() && !key.includes(",");

class Selection {
  #keys = new Set(USUAL);
  /** What is known of each task: the ids of runs that were read whole, with the time; when one is read again, and the pause after it. */
  #tasks = new Map();

  /** The keys, as the API takes them. */
  get text() {
    return [...this.#keys].join();
  }

  /** Takes a run that was read whole; returns true if it has progress under keys that were not asked for. */
  learn({ id, task = null, metadata }, now = Date.now()) {
    const before = this.#keys.size;
    for (const key of measures(metadata).keys) if (canBeAsked(key) && this.#keys.size < MOST) this.#keys.add(key);
    const known = this.#known(task);
    known.seen.set(id, now);
    known.next = Math.max(known.next, now + known.pause);
    return this.#keys.size > before;
  }

  /** Tells whether something was learned from a run of a task that was read for that alone, which decides when the next one is. */
  looked(task, hasLearned) {
    const known = this.#known(task);
    known.pause = hasLearned ? FIRST_PAUSE : Math.min(known.pause * 4, LONGEST_PAUSE);
  }

  /** Returns runs to be read whole, one of each task, as { run, at } with the time; the soonest first. */
  wanted(runs) {
    const byTask = new Map();
    for (const run of runs) {
      const { seen, next } = this.#known(run.task);
      // What has finished stays as it is.
      if (run.progress.isKnown || (run.isOver && seen.has(run.id))) continue;
      // One that was not read yet comes first, and of those the one that changed last.
      const rank = seen.has(run.id) ? -seen.get(run.id) : run.updated;
      if (!byTask.has(run.task) || byTask.get(run.task).rank < rank) byTask.set(run.task, { run, rank, at: next });
    }
    return [...byTask.values()].sort((a, b) => a.at - b.at);
  }

  #known(task) {
    if (!this.#tasks.has(task)) this.#tasks.set(task, { seen: new Map(), pause: FIRST_PAUSE, next: 0 });
    return this.#tasks.get(task);
  }
}

/** What was learned holds for all tables that this tab shows. */
export const selection = new Selection();
