// A run as the pages know it.

import { isObject, mergePatch } from "./json.js";
import { numbersOf } from "./draw/measure.js";
import { Progress } from "./draw/progress.js";
import { keptError, reasonOf } from "./draw/reason.js";
import { stateOf } from "./draw/status.js";

/** A run in its newest state. `keepsAll` says how much of the metadata is kept: all of it, or the numbers and the line of the error. */
export class Run {
  progress = new Progress();
  isGone = false;
  /** How many runs below it have not finished, where that is known. */
  below = 0;
  #keepsAll;
  /** The state that an event stream brought last: its changes are patches of that, also where a newer state was read meanwhile. */
  #streamed = null;

  constructor(keepsAll = false) {
    this.#keepsAll = keepsAll;
  }

  /** Takes a state that was read, as `GET /v1/runs/:id` gives it; an older one than that known changes nothing. */
  see(object) {
    this.#newer(this.#kept(object));
  }

  /** Takes a state that an event stream brings, which goes on from there. */
  snapshot(object) {
    this.#streamed = this.#kept(object);
    this.#newer(this.#streamed);
  }

  /** Takes a change that an event stream brings: a merge patch of the state that it brought before. Returns false if it did not. */
  change({ version, from, patch }) {
    if (this.#streamed === null || Number(this.#streamed.version) !== Number(from)) return false;
    this.#streamed = { ...mergePatch(this.#streamed, this.#kept(patch)), version };
    this.#newer(this.#streamed);
    return true;
  }

  /** Returns of an object, or of a patch, what is kept. */
  #kept(object) {
    if (this.#keepsAll || object.metadata === undefined) return object;
    const metadata = numbersOf(object.metadata);
    if (isObject(object.metadata) && Object.hasOwn(object.metadata, "error")) metadata.error = keptError(object.metadata.error, metadata.error);
    return { ...object, metadata };
  }

  #newer(object) {
    // A run that was deleted may be started anew.
    const isAnother = this.isGone || time(object.created_at) > this.created;
    if (this.object === undefined || isAnother || Number(object.version) >= this.version) this.#take(object);
  }

  gone() {
    this.isGone = true;
  }

  #take(object) {
    this.object = object;
    this.id = object.id;
    this.root = object.root_id ?? object.id;
    this.parent = object.parent_id ?? null;
    this.task = object.task ?? null;
    this.tags = object.tags ?? [];
    this.status = object.status;
    this.attempt = Number(object.attempt ?? 1);
    this.version = Number(object.version);
    this.created = time(object.created_at);
    this.started = time(object.started_at);
    this.updated = time(object.updated_at);
    this.finished = time(object.finished_at);
    this.metadata = object.metadata ?? {};
    this.isGone = false;
    this.state = stateOf(this.status, this.finished !== null);
    this.reason = this.state === "failed" ? reasonOf(this.metadata) : "";
    this.progress.see(this.metadata, this.isOver);
  }

  get isOver() {
    return this.isGone || this.finished !== null;
  }

  /** How long the attempt has run, or ran, in seconds; null while it waits. */
  elapsed(now = Date.now()) {
    if (this.started === null) return null;
    // Clocks of two machines differ.
    return Math.max(0, (this.finished ?? now) - this.started) / 1_000;
  }
}

/**
 * Reads a time as milliseconds, with the microseconds behind the point: runs of one millisecond are in the order in which the gateway
 * sorts them.
 */
function time(text) {
  if (text === undefined || text === null) return null;
  const [, fraction = ""] = /\.(\d+)/.exec(text) ?? [];
  return Date.parse(text.replace(/\.\d+/, "")) + Number(fraction.slice(0, 6).padEnd(6, "0")) / 1_000;
}
