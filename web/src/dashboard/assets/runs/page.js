// The page of runs: a live table.

import { pageAddress } from "../address.js";
import { announce, el, setAttribute, setText } from "../dom.js";
import { eachSecond } from "../draw/time.js";
import { showProblem, showReading } from "../problem.js";
import { counted } from "../text.js";
import { Controls } from "./controls.js";
import { DEFAULT_SORT, filterOf, isFiltered, isTopOnly } from "./filter.js";
import { COLUMNS, RunRow } from "./row.js";
import { Source } from "./source.js";
import { VirtualRows } from "./virtual.js";

/** Rows that are left below what is seen when the next page is read. */
const AHEAD = 60;

export class RunsPage {
  title = "Runs";
  #go;
  #abort = new AbortController();
  #filter;
  #source;
  #timer;
  #controls;
  #headings;
  #count = el("p", { class: "count" });
  #body = el("tbody", { role: "rowgroup" });
  #table;
  #message = el("div", { class: "message" });
  #rows;
  #seconds;

  /** The place in the table that somebody comes back to; null once they are there. */
  #place = null;

  /** `go(address, replaces)` leads to another address; `place` is what `place()` returned when somebody left this page. */
  constructor(main, parameters, go, place = null) {
    this.#go = go;
    this.#controls = new Controls((filter) => go(pageAddress("runs", filter), true));
    this.#headings = COLUMNS.map((column) => this.#heading(column));
    this.#table = el(
      "table",
      { class: "runs", role: "table", "aria-label": "Runs" },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row", "aria-rowindex": 1 }, ...this.#headings)),
      this.#body,
    );
    main.append(el("div", { class: "title-line" }, el("h1", { tabindex: "-1" }, "Runs"), this.#count), this.#controls.element, this.#table, this.#message);
    this.#rows = new VirtualRows(this.#body, (run) => new RunRow(run), (last, count) => count - last < AHEAD && this.#source?.more());
    this.#seconds = eachSecond(() => this.#rows.paint());
    this.#controls.offer(this.#abort.signal);
    this.update(parameters, place);
  }

  /** Returns where somebody is in the table; null until the table is read. */
  place() {
    return this.#source.hasBegun && this.#place === null ? { ...this.#rows.place(), loaded: this.#source.runs.length } : null;
  }

  /** Shows the filter of another address of this page. */
  update(parameters, place = null) {
    this.#place = place;
    this.#filter = filterOf(parameters);
    this.#controls.show(this.#filter);
    const sort = this.#filter.sort || DEFAULT_SORT;
    COLUMNS.forEach((column, index) => {
      const isSorted = column.sort !== undefined && sort.replace("-", "") === column.name;
      setAttribute(this.#headings[index], "aria-sort", isSorted ? (sort.startsWith("-") ? "descending" : "ascending") : null);
    });
    this.#source?.close();
    // The runs of before stay until those of now are here.
    this.#table.classList.add("loading");
    const source = new Source(this.#filter, place?.loaded);
    this.#source = source;
    source.addEventListener("change", () => this.#soon());
    source.start();
    this.#soon();
  }

  close() {
    this.#abort.abort();
    this.#source.close();
    this.#controls.close();
    this.#rows.close();
    this.#seconds();
    cancelAnimationFrame(this.#timer);
  }

  /** Takes a key that no field has got; returns true if it means something here. */
  key(event) {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (event.key === "/") this.#controls.focusSearch();
    else if (step !== undefined) this.#move(step, event.key);
    else return false;
    return true;
  }

  #move(step, key) {
    const focused = this.#rows.focused();
    // Without a row in focus, the arrows scroll as everywhere.
    if (focused < 0 && key.startsWith("Arrow")) return scrollBy({ top: step * 40 });
    return this.#rows.focus(focused < 0 ? this.#rows.first() : focused + step);
  }

  #soon() {
    cancelAnimationFrame(this.#timer);
    this.#timer = requestAnimationFrame(() => this.#show());
  }

  #show() {
    const { runs, below, isComplete, isLoading, hasBegun, problem } = this.#source;
    this.#table.classList.toggle("loading", !hasBegun && problem === null);
    if (hasBegun || problem !== null) {
      // Where no run has a tag, the others have the room.
      this.#table.classList.toggle("untagged", runs.every((run) => run.tags.length === 0));
      this.#table.classList.toggle("unmeasured", runs.every((run) => !run.progress.isKnown && run.reason === ""));
      for (const run of runs) run.below = below.get(run.id) ?? 0;
      this.#rows.show(runs);
    }
    this.#table.hidden = runs.length === 0 && hasBegun;
    if (hasBegun && this.#place !== null) {
      this.#rows.goBackTo(this.#place);
      this.#place = null;
    }
    setAttribute(this.#table, "aria-rowcount", isComplete ? runs.length + 1 : -1);
    const text = !hasBegun ? "" : isComplete ? counted(runs.length, "run") : `${counted(runs.length, "run")} loaded, more below`;
    if (text !== this.#count.textContent && hasBegun && !isLoading && this.#announced !== this.#filter) {
      this.#announced = this.#filter;
      announce(text);
    }
    setText(this.#count, text);
    this.#showMessage(runs, hasBegun, problem);
  }

  #announced;

  #showMessage(runs, hasBegun, problem) {
    if (problem !== null) return showProblem(this.#message, problem, () => this.#source.retry());
    // What was not read yet must not look as if there were nothing.
    if (!hasBegun && this.#rows.isEmpty) return showReading(this.#message);
    const isEmpty = hasBegun && runs.length === 0;
    this.#message.hidden = !isEmpty;
    if (!isEmpty) return this.#message.replaceChildren();
    const all = !isFiltered(this.#filter);
    const isTop = isTopOnly(this.#filter);
    const below = el("a", { "data-replace": true, href: pageAddress("runs", { ...this.#filter, roots: "false" }) }, "Also look below");
    return this.#message.replaceChildren(
      el("p", { class: "empty" }, all ? "No runs yet." : isTop ? "No run of the top level passes this filter. " : "No run passes this filter.", all || !isTop ? "" : below),
      all ? el("pre", { class: "sql" }, "SELECT runmeta.start('my-first-run', '{\"progress\": 0.5}');") : "",
    );
  }

  #heading({ name, title, sort }) {
    const turn = () => {
      const now = this.#filter.sort || DEFAULT_SORT;
      const other = now.startsWith("-") ? now.slice(1) : `-${now}`;
      const next = now.replace("-", "") === name ? other : sort;
      this.#go(pageAddress("runs", { ...this.#filter, sort: next === DEFAULT_SORT ? "" : next }), true);
    };
    const content = sort === undefined ? title : el("button", { type: "button", onclick: turn }, title, el("span", { class: "arrow", "aria-hidden": "true" }));
    return el("th", { role: "columnheader", scope: "col", class: `cell-${name}` }, content);
  }
}
