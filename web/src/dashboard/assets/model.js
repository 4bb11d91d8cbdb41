// A run as the pages know it.

import { mergePatch } from "./json.js";
import { numbersOf } from "./draw/measure.js";
import { Progress } from "./draw/progress.js";
import { stateOf } from "./draw/status.js";

/** A run in its newest state. `keep` says how much of the metadata is kept: all of it, or the numbers alone. */
export class Run {
  progress = new Progress();
  isGone = false;
  #keepsAll;

  constructor(object, keepsAll = false) {
    this.#keepsAll = keepsAll;
    this.see(object);
  }

  /** Takes a state, as `GET /v1/runs/:id` gives it; an older one than that known changes nothing. Returns true if it was taken. */
  see(object) {
    if (this.object !== undefined && Number(object.version) < this.version) return false;
    if (object.is_gone) {
      this.isGone = true;
      return true;
    }
    this.#take(this.#keepsAll ? object : { ...object, metadata: numbersOf(object.metadata ?? {}) });
    return true;
  }

  /** Takes a change: a merge patch of the object. Returns false if a change before it is missing. */
  change({ version, from, patch }) {
    if (Number(version) <= this.version) return true;
    if (from !== undefined && from !== null && Number(from) !== this.version) return false;
    const kept = this.#keepsAll || patch.metadata === undefined ? patch : { ...patch, metadata: numbersOf(patch.metadata) };
    this.#take({ ...mergePatch(this.object, kept), version });
    return true;
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

function time(text) {
  return text === undefined || text === null ? null : Date.parse(text);
}
