// The page of a task: its runs by status, and over time how many there were and how long they took.

import { pageAddress } from "../address.js";
import { get } from "../api.js";
import { el, setText } from "../dom.js";
import { groupOf } from "../draw/status.js";
import { showProblem, showReading } from "../problem.js";
import { amount, measured, printable } from "../text.js";
import { Chart } from "./chart.js";
import { countsOf, statusesOf } from "./counts.js";

const INTERVAL = 15_000;

const SPANS = [
  ["1", "1 hour"],
  ["24", "24 hours"],
  ["168", "7 days"],
  ["720", "30 days"],
];

export class TaskPage {
  #name;
  #hours;
  #main;
  #go;
  #abort = new AbortController();
  #timer;
  #counts = el("dl", { class: "counts" });
  #message = el("div", { class: "message", hidden: true });
  #spans = el("div", { class: "chips", role: "group", "aria-label": "Time" });
  #charts = el("div", { class: "charts", hidden: true });
  #runs = new Chart("Finished", "bars", [["completed", "completed"], ["failed", "failed"]], amount);
  #started = new Chart("Started", "bars", [["started", "started"]], amount);
  #durations = new Chart("Duration", "lines", [["p50_seconds", "median"], ["p95_seconds", "95th percentile"]], measured);

  constructor(main, parameters, go) {
    this.#main = main;
    this.#go = go;
    this.#charts.append(this.#runs.element, this.#durations.element, this.#started.element);
    this.update(parameters);
  }

  update(parameters) {
    this.#name = parameters.get("name") ?? "";
    this.#hours = parameters.get("hours") ?? "24";
    this.title = printable(this.#name);
    const span = ([hours, title]) =>
      el("a", { class: "chip", "data-replace": true, href: pageAddress("task", { name: this.#name, hours }), "aria-current": hours === this.#hours && "true" }, title);
    const focused = [...this.#spans.children].indexOf(document.activeElement);
    this.#spans.replaceChildren(...SPANS.map(span));
    this.#main.replaceChildren(
      el("nav", { class: "crumbs", "aria-label": "Above" }, el("ol", {}, el("li", {}, el("a", { href: "tasks" }, "Tasks")))),
      el("div", { class: "title-line" }, el("h1", { class: "mono", tabindex: "-1" }, printable(this.#name)), el("a", { class: "button", href: pageAddress("runs", { task: this.#name, roots: "false" }) }, "Its runs"), this.#spans),
      this.#message,
      this.#counts,
      this.#charts,
    );
    if (focused >= 0) this.#spans.children[focused].focus();
    if (this.#charts.hidden) showReading(this.#message);
    this.#read();
  }

  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  async #read() {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      const [buckets, tasks] = await this.#figures(signal);
      const isKnown = tasks === null || tasks.some(({ task }) => task === this.#name);
      this.#charts.hidden = !isKnown;
      this.#message.hidden = isKnown;
      if (!isKnown) this.#message.replaceChildren(el("p", { class: "empty" }, this.#name === "" ? "The address names no task." : "There is no run of this task."));
      for (const chart of [this.#runs, this.#durations, this.#started]) chart.show(buckets, Number(this.#hours));
      this.#showCounts((tasks ?? []).filter(({ task }) => task === this.#name));
    } catch (problem) {
      if (signal.aborted) return;
      showProblem(this.#message, problem, () => this.#read());
    }
    this.#timer = setTimeout(() => this.#read(), INTERVAL);
  }

  /** Reads the figures over time, and all tasks; null for what a token may not read. A task that nobody named has none. */
  async #figures(signal) {
    if (this.#name === "") return [[], []];
    const overTime = get(["tasks", this.#name], { hours: this.#hours }, { signal });
    const all = get(["tasks"], {}, { signal }).catch((problem) => {
      if (problem.status === 403) return { tasks: null };
      throw problem;
    });
    const [{ buckets }, { tasks }] = await Promise.all([overTime, all]);
    return [buckets, tasks];
  }

  #showCounts(tasks) {
    const statuses = statusesOf(tasks);
    if (this.#counts.childElementCount !== statuses.length) {
      this.#counts.replaceChildren(
        ...statuses.map((status) => el("div", { "data-group": groupOf(status) }, el("dt", {}, printable(status)), el("dd", {}, el("a", { href: pageAddress("runs", { task: this.#name, status, roots: "false" }) })))),
      );
    }
    const counts = countsOf(tasks[0] ?? { statuses: {} });
    statuses.forEach((status, index) => setText(this.#counts.children[index].querySelector("a"), amount(counts.get(status) ?? 0)));
  }
}
