// The page of tasks: how many runs each has, by status.

import { pageAddress, taskAddress } from "../address.js";
import { get } from "../api.js";
import { el } from "../dom.js";
import { showAgo, timeElement } from "../draw/time.js";
import { showProblem } from "../problem.js";
import { amount, printable } from "../text.js";
import { countsOf, statusesOf } from "./counts.js";

/** Counting reads all runs, so it is done seldom, in milliseconds. */
const INTERVAL = 15_000;

export class TasksPage {
  title = "Tasks";
  #abort = new AbortController();
  #timer;
  #place = el("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Tasks" });
  #message = el("div", { class: "message", hidden: true });

  constructor(main) {
    main.append(el("div", { class: "title-line" }, el("h1", { tabindex: "-1" }, "Tasks")), this.#message, this.#place);
    this.#read();
  }

  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  async #read() {
    clearTimeout(this.#timer);
    try {
      const { tasks } = await get(["tasks"], {}, { signal: this.#abort.signal });
      this.#message.hidden = true;
      this.#show(tasks);
    } catch (problem) {
      if (this.#abort.signal.aborted) return;
      showProblem(this.#message, problem, () => this.#read());
    }
    this.#timer = setTimeout(() => this.#read(), INTERVAL);
  }

  #show(tasks) {
    // A table that is read anew must not take the focus away from whoever is in it.
    if (this.#place.contains(document.activeElement) && document.activeElement !== this.#place) return;
    const statuses = statusesOf(tasks);
    const heading = (title, number = true) => el("th", { scope: "col", class: number && "number" }, title);
    const row = (one) => {
      const counts = countsOf(one);
      const last = timeElement();
      showAgo(last, one.last ? Date.parse(one.last) : null);
      const name = one.task ?? "";
      const cell = (status) => {
        const count = counts.get(status) ?? 0;
        const link = () => el("a", { href: pageAddress("runs", { task: name, status }), "aria-label": `${amount(count)} ${printable(status)}` }, amount(count));
        return el("td", { class: "number", "data-status": status }, count > 0 ? link() : el("span", { class: "none" }, "0"));
      };
      const link = name === "" ? el("span", { class: "hint" }, "without a task") : el("a", { class: "run-id", href: taskAddress(name) }, printable(name));
      return el("tr", {}, el("th", { scope: "row" }, link), ...statuses.map(cell), el("td", { class: "number" }, last));
    };
    this.#place.replaceChildren(
      tasks.length === 0
        ? el("p", { class: "empty" }, "No runs yet.")
        : el("table", { class: "tasks" }, el("thead", {}, el("tr", {}, heading("Task", false), ...statuses.map((status) => heading(printable(status))), heading("Last run"))), el("tbody", {}, ...tasks.map(row))),
    );
  }
}
