// The status of a run: a word that anyone may choose, with a sign for those that are known. Colour never stands alone.

import { el, setText, svg } from "../dom.js";
import { printable } from "../text.js";

/** Statuses of a run that has not begun: those that mean waiting in docs/sql.md. A run with the status `waiting` has begun, and is paused. */
export const QUEUED = ["queued", "pending", "scheduled", "delayed", "available", "created"];

const PAUSED = ["paused", "waiting"];
const RUNNING = ["running", "executing", "active", "retrying"];
const COMPLETED = ["completed", "complete", "succeeded", "success", "done"];
const FAILED = ["failed", "error", "errored", "crashed", "killed", "timeout", "timed_out", "discarded", "expired", "system_failure"];
const STOPPED = ["canceled", "cancelled", "stopped", "skipped", "aborted"];

/** The groups of statuses, with the words of each, as views and the command line count them, which call what is queued waiting. */
const GROUPS = { queued: QUEUED, working: [...RUNNING, ...PAUSED], succeeded: COMPLETED, failed: FAILED, cancelled: STOPPED };

/** The names of the groups, in the order in which a run passes them. */
export const GROUP_NAMES = Object.keys(GROUPS);

const spellings = (word) => [word, word[0].toUpperCase() + word.slice(1), word.toUpperCase()];
const SPELLED = new Map(Object.entries(GROUPS).map(([group, words]) => [group, words.flatMap(spellings)]));

/** Returns the words of a group as writers spell them: the gateway compares letter by letter. */
export function wordsOf(group) {
  return SPELLED.get(group) ?? [];
}

/** Returns the group of a status. A word that is not known is one of a run that works: `finish` is rarely given another than those known. */
export function groupOf(status) {
  const word = status.toLowerCase();
  return GROUP_NAMES.find((group) => GROUPS[group].includes(word)) ?? "working";
}

/** Returns what a status means: running, queued, paused, completed, failed or stopped; a word that is not known, by whether the run has finished. */
export function stateOf(status, isFinished) {
  const word = status.toLowerCase();
  if (QUEUED.includes(word)) return "queued";
  if (PAUSED.includes(word)) return "paused";
  if (FAILED.includes(word)) return "failed";
  if (STOPPED.includes(word)) return "stopped";
  return isFinished ? "completed" : "running";
}

/** Tells whether a word is one of those that have a sign. What another word means, only its author knows. */
function isKnown(status) {
  const word = status.toLowerCase();
  return [QUEUED, PAUSED, RUNNING, COMPLETED, FAILED, STOPPED].some((words) => words.includes(word));
}

const SIGNS = {
  running: [svg("path", { d: "M8 2.5a5.5 5.5 0 1 0 5.5 5.5" })],
  queued: [svg("circle", { cx: 8, cy: 8, r: 5.5, "stroke-dasharray": "2 2.3" })],
  paused: [svg("path", { d: "M5.5 3.5v9m5-9v9" })],
  completed: [svg("path", { d: "m3 8.5 3.5 3.5L13 5" })],
  failed: [svg("path", { d: "m4 4 8 8m0-8-8 8" })],
  stopped: [svg("path", { d: "M3.5 8h9" })],
  other: [svg("circle", { cx: 8, cy: 8, r: 2.5, fill: "currentColor" })],
};

export class Status {
  #sign = svg("svg", { viewBox: "0 0 16 16", class: "sign", "aria-hidden": "true" });
  #word = el("span", { class: "status-word" });
  #attempt = el("span", { class: "attempt" });
  element = el("span", { class: "status" }, this.#sign, this.#word, this.#attempt);

  show(run) {
    const status = run.isGone ? "deleted" : run.status;
    const state = run.isGone ? "stopped" : isKnown(run.status) ? run.state : "other";
    if (this.element.dataset.state !== state) {
      this.element.dataset.state = state;
      this.#sign.replaceChildren(...SIGNS[state].map((shape) => shape.cloneNode()));
    }
    setText(this.#word, printable(status));
    this.element.title = printable(status);
    setText(this.#attempt, run.attempt > 1 ? `attempt ${run.attempt}` : "");
  }
}
