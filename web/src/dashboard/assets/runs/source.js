// The runs of the table: pages read as they are needed, and kept up to date by one event stream.
//
// The stream brings all runs of the filter's set that have not finished, and their changes. A run that is found or changed so has a
// place among those that were read, but for one whose place is on a page not read yet: it comes with that page. After a lost
// connection everything is read again, as a run that finished meanwhile is not in the stream. Both bring a selection of the metadata,
// and begin anew when that is found to lack something.

import { address, get } from "../api.js";
import { untilRead } from "../live/again.js";
import { follow } from "../live/follow.js";
import { Run } from "../model.js";
import { asked, comparison, isTopOnly, matches } from "./filter.js";
import { selection } from "./selection.js";

const PAGE = 100;

/** A page of the API has so many runs at most. */
const LARGEST_PAGE = 500;

/** Runs that are read again at most for whoever comes back to their place in the table. */
const MOST_AGAIN = 5_000;

/** Runs that are read whole before all others, to learn what is asked for. */
const SAMPLE = 20;

/** Runs that are looked at whole before the others are shown what was learned of them. */
const MOST_LOOKS = 20;

/** Changes of this time are put into the order together, in milliseconds. */
const REORDER = 250;

export class Source extends EventTarget {
  /** The runs that pass the filter, in its order, as far as they were read. */
  runs = [];
  /** How many runs below a run of the top level have not finished, by its id; where the event stream brings all of them. */
  below = new Map();
  /** Whether there are no further pages. */
  isComplete = false;
  isLoading = false;
  /** Why there are no runs. */
  problem = null;
  /** Whether the first page was read. */
  hasBegun = false;

  #filter;
  #compare;
  #known = new Map();
  #next = null;
  /** The last run of the last page, with its place of then. */
  #horizon = null;
  #stream = null;
  #reorder = null;
  #reading = new AbortController();
  #looking = new AbortController();
  #isLooking = false;
  #look = null;
  #again;

  /** `again` is how many runs the table had when somebody left it. */
  constructor(filter, again = 0) {
    super();
    this.#filter = filter;
    this.#again = again;
    this.#compare = comparison(filter.sort);
  }

  async start() {
    const { signal } = this.#looking;
    try {
      const { runs } = await get(["runs"], { ...asked(this.#filter), limit: SAMPLE }, { signal });
      for (const run of runs) selection.learn(run);
    } catch {
      // What happens to the table is shown when it is read itself.
    }
    if (!signal.aborted) this.#follow();
  }

  #follow() {
    const { task, tag, root } = this.#filter;
    // A set has one dimension; the others are compared here.
    const set = root ? { root } : task ? { task } : tag ? { tag } : { all: "true" };
    let isOpen = false;
    const on = {
      open: () => {
        isOpen = true;
        this.#begin();
      },
      snapshot: (data) => this.#snapshot(JSON.parse(data)),
      change: (data) => this.#change(JSON.parse(data)),
      gone: (data) => this.#gone(JSON.parse(data)),
      // Whoever may not follow the set may perhaps read the page.
      over: () => isOpen || this.#read(null),
    };
    // A change of keys that are not selected brings no event, and so no newer time of the last change.
    const select = /^-?updated$/.test(this.#filter.sort) ? undefined : selection.text;
    this.#stream?.close();
    this.#stream = follow(address(["events"], { ...set, unfinished: "true", select }), on, { resumes: false });
  }

  close() {
    this.#reading.abort();
    this.#looking.abort();
    this.#stream?.close();
    clearTimeout(this.#reorder);
    clearTimeout(this.#look);
  }

  /** Reads the next page, if there is one and none is being read. */
  more() {
    if (!this.isLoading && !this.isComplete && this.hasBegun && this.problem === null) this.#read(this.#next);
  }

  /** Reads again now what could not be read. */
  retry() {
    this.#read(this.hasBegun ? this.#next : null);
  }

  async #read(after) {
    this.#reading.abort();
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    this.isLoading = true;
    this.#changed();
    const filter = asked(this.#filter);
    // What was seen before is read again, so that nobody's place in the table is lost.
    const wanted = after === null ? Math.min(Math.max(PAGE, this.runs.length, this.#again), MOST_AGAIN) : PAGE;
    const failed = (problem) => {
      this.problem = problem;
      this.#changed();
    };
    try {
      let count = 0;
      let next = after;
      do {
        const limit = Math.min(Math.max(wanted - count, PAGE), LARGEST_PAGE);
        const parameters = { ...filter, limit, after: next, select: selection.text };
        const page = await untilRead(() => get(["runs"], parameters, { signal }), signal, failed);
        if (signal.aborted) return;
        const runs = page.runs.map((object) => this.#see(object));
        count += runs.length;
        next = page.next ?? null;
        if (runs.length > 0) this.#horizon = placeOf(runs.at(-1));
      } while (next !== null && count < wanted && after === null);
      this.#next = next;
      this.isComplete = next === null;
      this.hasBegun = true;
      this.problem = null;
    } catch (problem) {
      if (signal.aborted) return;
      this.problem = problem;
    }
    this.isLoading = false;
    this.#order();
  }

  /** Begins anew: after a pause, a run that neither the page nor the stream brings may be of any state. */
  #begin() {
    this.#known.clear();
    this.hasBegun = false;
    this.#read(null);
  }

  #see(object) {
    const run = this.#run(object.id);
    run.see(object);
    run.fromPage = true;
    return run;
  }

  #snapshot(object) {
    this.#run(object.id).snapshot(object);
    this.#orderSoon();
  }

  #change(change) {
    this.#known.get(change.id)?.change(change) || this.#stream.restart();
    this.#orderSoon();
  }

  #run(id) {
    if (!this.#known.has(id)) this.#known.set(id, new Run());
    return this.#known.get(id);
  }

  #gone({ id }) {
    this.#known.get(id)?.gone();
    this.#known.delete(id);
    this.#orderSoon();
  }

  #orderSoon() {
    this.#reorder ??= setTimeout(() => this.#order(), REORDER);
  }

  #order() {
    clearTimeout(this.#reorder);
    this.#reorder = null;
    if (!this.hasBegun) return this.#changed();
    // Postgres may sort texts by the rules of a language, so what came with a page stays.
    const isRead = (run) => run.fromPage || this.isComplete || this.#horizon === null || this.#compare(run, this.#horizon) <= 0;
    const runs = [...this.#known.values()].filter((run) => matches(this.#filter, run) && isRead(run));
    this.runs = runs.sort(this.#compare);
    this.#countBelow();
    this.#learn();
    return this.#changed();
  }

  #countBelow() {
    this.below.clear();
    const { task, tag } = this.#filter;
    if (!isTopOnly(this.#filter) || task !== "" || tag !== "") return;
    for (const run of this.#known.values()) {
      if (run.parent !== null && !run.isOver) this.below.set(run.root, (this.below.get(run.root) ?? 0) + 1);
    }
  }

  /** Looks for progress under keys that are not asked for. */
  async #learn() {
    if (this.#isLooking || document.visibilityState !== "visible") return;
    this.#isLooking = true;
    clearTimeout(this.#look);
    const { signal } = this.#looking;
    const wanted = selection.wanted(this.runs);
    const now = wanted.filter(({ at }) => at <= Date.now()).slice(0, MOST_LOOKS);
    let hasLearned = false;
    for (const { run } of now) {
      try {
        const isNews = selection.learn(await get(["runs", run.id], {}, { signal }));
        selection.looked(run.task, isNews);
        hasLearned ||= isNews;
      } catch {
        if (signal.aborted) return;
        // It is gone, or may not be read by itself.
        selection.learn({ ...run.object, metadata: {} });
        selection.looked(run.task, false);
      }
    }
    this.#isLooking = false;
    const later = now.length > 0 ? 0 : wanted[0]?.at - Date.now();
    if (hasLearned) this.#follow();
    else if (wanted.length > 0) this.#look = setTimeout(() => this.#learn(), Math.max(later, 0));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Copies what a run is ordered by. */
function placeOf({ id, task, status, created, started, updated, finished }) {
  return { id, task, status, created, started, updated, finished };
}
