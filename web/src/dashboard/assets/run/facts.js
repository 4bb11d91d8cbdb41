// Times and numbers of a run.

import { runAddress } from "../address.js";
import { el, setText } from "../dom.js";
import { showId } from "../draw/id.js";
import { showAgo, timeElement } from "../draw/time.js";
import { amount, duration, moment, printable, taken } from "../text.js";

const TIMES = [
  ["created", "Created"],
  ["started", "Started"],
  ["updated", "Changed"],
  ["finished", "Finished"],
];

export class Facts {
  #list = el("dl", { class: "facts" });
  #rows = new Map();
  element = el("section", { class: "card" }, el("header", {}, el("h2", {}, "Times")), this.#list);

  show(run) {
    for (const [name, title] of TIMES) this.#time(title, run[name]);
    const end = run.started ?? (run.isOver ? null : Date.now());
    const waited = end === null || run.attempt > 1 ? null : (end - run.created) / 1_000;
    this.#text("Waited", waited === null || waited < 1 ? null : duration(waited));
    const elapsed = run.elapsed();
    this.#text(run.isOver ? "Ran" : "Running for", elapsed === null ? null : run.isOver ? taken(elapsed) : duration(elapsed));
    this.#text(run.isOver ? "Running for" : "Ran", null);
    this.#text("Attempt", amount(run.attempt));
    this.#text("Version", amount(run.version));
    if (run.parent !== null) showId(this.#row("Parent", () => el("a", { class: "run-id", href: runAddress(run.parent) })).querySelector("a"), printable(run.parent));
  }

  #time(title, time) {
    const row = this.#row(title, () => el("span", {}, el("span", { class: "exact" }), " ", timeElement()));
    row.hidden = time === null;
    if (time === null) return;
    const [exact, ago] = row.querySelectorAll("span.exact, time");
    setText(exact, moment(time));
    showAgo(ago, time);
  }

  #text(title, text) {
    if (text === null && !this.#rows.has(title)) return;
    const row = this.#row(title, () => el("span"));
    row.hidden = text === null;
    setText(row.querySelector("span"), text ?? "");
  }

  #row(title, make) {
    if (!this.#rows.has(title)) {
      const row = el("div", {}, el("dt", {}, title), el("dd", {}, make()));
      this.#rows.set(title, row);
      this.#list.append(row);
    }
    return this.#rows.get(title);
  }
}
