// A row of the table of runs.

import { runAddress, taskAddress } from "../address.js";
import { el, setText } from "../dom.js";
import { Bar } from "../draw/bar.js";
import { showId } from "../draw/id.js";
import { Status } from "../draw/status.js";
import { showAgo, timeElement } from "../draw/time.js";
import { amount, duration, printable, taken } from "../text.js";

/** The columns: the heading, and the order that a click asks for first. */
export const COLUMNS = [
  { name: "id", title: "Run", sort: "id" },
  { name: "task", title: "Task", sort: "task" },
  { name: "tags", title: "Tags" },
  { name: "status", title: "Status", sort: "status" },
  { name: "progress", title: "Progress" },
  { name: "duration", title: "Duration", sort: "-duration" },
  { name: "created", title: "Created", sort: "-created" },
];

/** Tags that have room in a row; of more than these the first is shown, and the number of the others. */
const MOST_TAGS = 2;

export class RunRow {
  #link = el("a", { class: "run-id" });
  #below = el("span", { class: "below" });
  #tags = el("span", { class: "tags" });
  #task = el("a", { class: "task" });
  #status = new Status();
  #bar = new Bar();
  #duration = el("span");
  #created = timeElement();
  #version = -1;

  element = el(
    "tr",
    { role: "row" },
    cell("id", el("span", { class: "id-line" }, this.#link, this.#below)),
    cell("task", this.#task),
    cell("tags", this.#tags),
    cell("status", this.#status.element),
    cell("progress", this.#bar.element),
    cell("duration", this.#duration),
    cell("created", this.#created),
  );

  constructor(run) {
    showId(this.#link, printable(run.id));
    this.#link.href = runAddress(run.id);
  }

  show(run) {
    const now = Date.now();
    if (this.#version !== run.version) {
      this.#version = run.version;
      this.element.dataset.state = run.state;
      this.#task.hidden = run.task === null;
      if (run.task !== null) {
        setText(this.#task, printable(run.task));
        this.#task.href = taskAddress(run.task);
      }
      this.#showTags(run.tags.map(printable));
      this.#status.show(run);
    }
    const progress = run.progress.first();
    this.#bar.show(progress, run.state, run.reason);
    const elapsed = run.elapsed(now);
    setText(this.#duration, elapsed === null ? "" : run.isOver ? taken(elapsed) : duration(elapsed));
    setText(this.#below, run.below === 0 ? "" : `${amount(run.below)} active below`);
    showAgo(this.#created, run.created, now);
  }

  /** Shows the first tags, and how many others there are; all of them are in the title. */
  #showTags(tags) {
    const title = tags.join(", ");
    if (this.#tags.title === title) return;
    this.#tags.title = title;
    const shown = tags.length > MOST_TAGS ? tags.slice(0, 1) : tags;
    const rest = tags.length > shown.length ? [el("span", { class: "tag more-tags" }, `+${tags.length - shown.length}`)] : [];
    this.#tags.replaceChildren(...shown.map((tag) => el("span", { class: "tag" }, tag)), ...rest);
  }
}

function cell(name, ...children) {
  return el("td", { role: "cell", class: `cell-${name}` }, ...children);
}
