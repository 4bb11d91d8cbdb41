// The family of a run: the tree from its root, with a bar for each run.
//
// The tree is read once, then one event stream brings what changes in it. The page draws what is not over first where there are many.

import { runAddress } from "../address.js";
import { address, get } from "../api.js";
import { el, setAttribute, setText } from "../dom.js";
import { Bar } from "../draw/bar.js";
import { showId } from "../draw/id.js";
import { Status } from "../draw/status.js";
import { untilRead } from "../live/again.js";
import { follow } from "../live/follow.js";
import { Run } from "../model.js";
import { amount, counted, printable } from "../text.js";

/** Runs that are elements of the page, until somebody asks for more; of a larger family those that are not over or have failed come first. */
const SHOWN = 200;

/** Changes of this time are drawn together, in milliseconds. */
const DRAW = 100;

export class Family {
  #run;
  #runs = new Map();
  #rows = new Map();
  #list = el("ul", { class: "family" });
  #count = el("span", { class: "hint" });
  #limit = SHOWN;
  #rest = el("button", { type: "button", class: "quiet more", onclick: () => this.#showMore() });
  #abort = new AbortController();
  #stream = null;
  #timer = null;
  #isCut = false;

  constructor(run) {
    this.#run = run;
    this.element = el("section", { class: "card family-card", hidden: true }, el("header", {}, el("h2", {}, "Family"), this.#count), this.#list, this.#rest);
  }

  start(root) {
    this.#stream = follow(
      address(["events"], { root, unfinished: "true" }),
      {
        open: () => this.#read(root),
        snapshot: (data) => this.#snapshot(JSON.parse(data)),
        change: (data) => this.#change(JSON.parse(data)),
        gone: (data) => this.#gone(JSON.parse(data).id),
        over: (problem) => problem && this.#read(this.#run),
      },
      { resumes: false },
    );
  }

  close() {
    this.#abort.abort();
    this.#stream?.close();
    clearTimeout(this.#timer);
  }

  /** Takes a state of the run whose page it is, which has an event stream of its own. */
  see(object) {
    this.#see(object);
  }

  async #read(id) {
    try {
      const { signal } = this.#abort;
      const { runs, truncated } = await untilRead(() => get(["runs", id, "tree"], {}, { signal }), signal);
      this.#isCut = truncated === true;
      for (const run of runs) this.#see(run);
    } catch {
      // Whoever may not read the family sees the run alone.
    }
  }

  #see(object) {
    this.#known(object.id).see(object);
    this.draw();
  }

  #snapshot(object) {
    this.#known(object.id).snapshot(object);
    this.draw();
  }

  #change(change) {
    this.#runs.get(change.id)?.change(change) || this.#stream.restart();
    this.draw();
  }

  #known(id) {
    if (!this.#runs.has(id)) this.#runs.set(id, new Run());
    return this.#runs.get(id);
  }

  #gone(id) {
    this.#runs.delete(id);
    this.draw();
  }

  /** Draws soon. */
  draw() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#draw();
    }, DRAW);
  }

  #draw() {
    const members = this.#members();
    this.element.hidden = members.length < 2;
    setText(this.#count, `${counted(members.length, "run")}${this.#isCut ? ", and more" : ""}${inWords(members)}`);
    const chosen = new Set(choose(members, this.#run, this.#limit));
    for (const [id, row] of this.#rows) {
      if (chosen.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    let index = 0;
    for (const { run, depth } of members) {
      if (!chosen.has(run.id)) continue;
      if (!this.#rows.has(run.id)) this.#rows.set(run.id, new FamilyRow(run, run.id === this.#run));
      const row = this.#rows.get(run.id);
      if (this.#list.children[index] !== row.element) this.#list.insertBefore(row.element, this.#list.children[index] ?? null);
      row.show(run, depth);
      index += 1;
    }
    const hidden = members.length - index;
    this.#rest.hidden = hidden === 0;
    setText(this.#rest, hidden <= SHOWN ? `Show ${counted(hidden, "more run")}` : `Show ${SHOWN} more of ${amount(hidden)} runs`);
  }

  #showMore() {
    this.#limit += SHOWN;
    this.#draw();
  }

  /** Returns the runs depth first; of one parent those that failed first, and then in the order in which they were made. */
  #members() {
    const below = new Map();
    for (const run of this.#runs.values()) {
      const parent = this.#runs.has(run.parent) ? run.parent : null;
      if (!below.has(parent)) below.set(parent, []);
      below.get(parent).push(run);
    }
    for (const runs of below.values()) runs.sort((a, b) => hasFailed(b) - hasFailed(a) || a.created - b.created || (a.id < b.id ? -1 : 1));
    const members = [];
    const next = (below.get(null) ?? []).reverse().map((run) => ({ run, depth: 0 }));
    while (next.length > 0) {
      const member = next.pop();
      members.push(member);
      const children = below.get(member.run.id) ?? [];
      for (const run of children.reverse()) next.push({ run, depth: member.depth + 1 });
    }
    return members;
  }
}

/** What the states of runs are called in a count; what is not over, and what went wrong, comes first. */
const STATES = { running: "running", queued: "queued", paused: "paused", failed: "failed", stopped: "cancelled", completed: "completed" };

/** Counts the runs by what their status means. */
function inWords(members) {
  const counts = Map.groupBy ? Map.groupBy(members, ({ run }) => run.state) : new Map();
  const words = Object.entries(STATES).filter(([state]) => counts.has(state)).map(([state, word]) => `${counts.get(state).length} ${word}`);
  return words.length > 0 ? `: ${words.join(", ")}` : "";
}

const hasFailed = (run) => run.state === "failed";

function choose(members, shown, most) {
  if (members.length <= most) return members.map(({ run }) => run.id);
  const order = members.map(({ run, depth }) => ({ id: run.id, isLess: depth > 0 && run.id !== shown && run.isOver && !hasFailed(run) }));
  return order.sort((a, b) => a.isLess - b.isLess).slice(0, most).map(({ id }) => id);
}

class FamilyRow {
  #link = el("a", { class: "run-id" });
  #name = el("span", { class: "family-name" }, this.#link);
  #status = new Status();
  #bar = new Bar();
  element = el("li", { class: "family-row" }, this.#name, this.#status.element, this.#bar.element);

  constructor(run, isCurrent) {
    this.#link.href = runAddress(run.id);
    setAttribute(this.#link, "aria-current", isCurrent ? "page" : null);
  }

  show(run, depth) {
    this.#name.style.setProperty("--depth", Math.min(depth, 8));
    showId(this.#link, printable(shortened(run, depth)));
    this.#link.title = printable(run.id);
    this.element.dataset.state = run.state;
    this.#status.show(run);
    this.#bar.show(run.progress.first(), run.state, run.reason);
  }
}

/** Returns the id; where it begins with that of the parent, only what follows. */
function shortened({ id, parent }, depth) {
  const rest = depth > 0 && parent !== null && id.startsWith(parent) ? id.slice(parent.length) : "";
  return /^[/:.-]/.test(rest) ? `…${rest}` : id;
}
