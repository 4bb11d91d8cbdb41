// The page of tasks: how many runs each has, by groups of statuses.

import { pageAddress, taskAddress } from "../address.js";
import { get } from "../api.js";
import { el } from "../dom.js";
import { GROUP_NAMES, wordsOf } from "../draw/status.js";
import { showAgo, timeElement } from "../draw/time.js";
import { showProblem, showReading } from "../problem.js";
import { amount, counted, printable } from "../text.js";
import { groupsOf } from "./counts.js";

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
    showReading(this.#message);
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
    const heading = (title, number = true) => el("th", { role: "columnheader", scope: "col", class: number && "number" }, title);
    this.#place.replaceChildren(
      tasks.length === 0
        ? el("p", { class: "empty" }, "No runs yet.")
        : el(
            "table",
            { class: "tasks", role: "table" },
            el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heading("Task", false), ...GROUP_NAMES.map((group) => heading(group)), heading("Last run"))),
            el("tbody", { role: "rowgroup" }, ...tasks.map(rowOf)),
          ),
    );
  }
}

/** Single statuses that are named below the count of their group; of more than these the others are in its title. */
const NAMED = 2;

/** Words that say no more than the name of their group. */
const USUAL = { queued: ["queued"], working: ["running"], succeeded: ["completed", "succeeded"], failed: ["failed"], cancelled: ["cancelled", "canceled"] };

function rowOf(task) {
  const last = timeElement();
  showAgo(last, task.last ? Date.parse(task.last) : null);
  const name = task.task ?? "";
  const link = name === "" ? el("span", { class: "hint" }, "without a task") : el("a", { class: "run-id", href: taskAddress(name) }, printable(name));
  const cells = groupsOf(task).map((one) => cellOf(name, one));
  return el("tr", { role: "row" }, el("th", { role: "rowheader", scope: "row" }, link), ...cells, el("td", { role: "cell", class: "number last" }, last));
}

/** The count of a group, which leads to its runs; below it the single statuses, unless there is none but the group's usual word. */
function cellOf(task, { group, count, statuses }) {
  const attributes = { role: "cell", class: "number", "data-group": group };
  if (count === 0) return el("td", { ...attributes, "data-none": true }, el("span", { class: "none" }, "0"));
  const words = statuses.map(([status]) => status);
  const isWhole = words.every((word) => wordsOf(group).includes(word));
  const choice = isWhole ? { group } : { status: words.join() };
  const single = statuses.map(([status, number]) => `${printable(status)} ${amount(number)}`);
  const rest = single.length > NAMED ? [`and ${counted(single.length - NAMED, "other")}`] : [];
  const isUsual = single.length === 1 && USUAL[group].includes(words[0]);
  return el(
    "td",
    { ...attributes, title: single.join("\n") },
    el("a", { href: pageAddress("runs", { task, ...choice, roots: "false" }), "aria-label": `${amount(count)} ${group}: ${single.join(", ")}` }, amount(count)),
    el("span", { class: "group-name", "aria-hidden": "true" }, ` ${group}`),
    isUsual ? "" : el("span", { class: "single" }, [...single.slice(0, NAMED), ...rest].join(", ")),
  );
}
