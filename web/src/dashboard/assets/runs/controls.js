// What chooses the runs of the table: chips for the status, fields for task, tag and text, and the order.

import { pageAddress } from "../address.js";
import { get } from "../api.js";
import { el, setAttribute, setText } from "../dom.js";
import { printable } from "../text.js";
import { DEFAULT_SORT, showsAll } from "./filter.js";

/** Typing is over after this pause, in milliseconds. */
const PAUSE = 200;

const CHIPS = [
  { title: "All", status: "", finished: "" },
  { title: "Active", status: "", finished: "false" },
  ...["failed", "completed", "running", "queued"].map((status) => ({ title: status, status, finished: "" })),
];

const SORTS = [
  ["-created", "newest"],
  ["created", "oldest"],
  ["-updated", "changed last"],
  ["-finished", "finished last"],
  ["-duration", "longest"],
  ["duration", "shortest"],
  ["id", "id"],
  ["task", "task"],
  ["status", "status"],
];

export class Controls {
  #chips = el("div", { class: "chips", role: "group", "aria-label": "Status" });
  #text = field("search", "Search", "Id, task or tag");
  #task = field("text", "Task", "Task", "tasks-known");
  #tag = field("text", "Tag", "Tag");
  #sort = el("select", { "aria-label": "Order" }, ...SORTS.map(([value, title]) => el("option", { value }, title)));
  #reset = el("a", { class: "reset", href: pageAddress("runs") }, "Clear");
  #family = el("a", { class: "tag family-filter" });
  #tasks = el("datalist", { id: "tasks-known" });
  #statuses = CHIPS;
  #filter = {};
  #choose;
  #timer;

  /** `choose(filter)` is called with the filter that somebody chose. */
  constructor(choose) {
    this.#choose = choose;
    const typed = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#chosen(), PAUSE);
    };
    for (const input of [this.#text, this.#task, this.#tag]) {
      input.addEventListener("input", typed);
      // Whoever goes on to another filter at once has chosen this one too.
      input.addEventListener("blur", () => this.#timer !== undefined && this.#chosen());
    }
    this.#sort.addEventListener("change", () => this.#chosen());
    this.element = el(
      "form",
      { class: "controls", role: "search", "aria-label": "Runs", onsubmit: (event) => this.#submit(event) },
      this.#chips,
      el("div", { class: "fields" }, labelled("Search", this.#text, "/"), labelled("Task", this.#task), labelled("Tag", this.#tag), labelled("Order", this.#sort, "", "sort"), this.#family, this.#reset),
      this.#tasks,
    );
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Shows a filter. A field in which somebody is typing stays as it is. */
  show(filter) {
    this.#filter = filter;
    for (const [input, value] of [[this.#text, filter.text], [this.#task, filter.task], [this.#tag, filter.tag]]) {
      if (input !== document.activeElement) input.value = value;
    }
    const sort = filter.sort || DEFAULT_SORT;
    if (![...this.#sort.options].some(({ value }) => value === sort)) this.#sort.append(el("option", { value: sort }, sort));
    this.#sort.value = sort;
    this.#reset.hidden = showsAll(filter);
    this.#family.hidden = filter.root === "";
    this.#family.textContent = `family of ${printable(filter.root)} ✕`;
    this.#family.href = pageAddress("runs", { ...filter, root: "" });
    this.#showChips();
  }

  focusSearch() {
    this.#text.focus();
    this.#text.select();
  }

  /** Offers the tasks and statuses that there are. */
  async offer(signal) {
    try {
      const { tasks } = await get(["tasks"], {}, { signal });
      this.#tasks.replaceChildren(...tasks.filter(({ task }) => task).map(({ task }) => el("option", { value: task })));
    } catch {
      // Whoever may not read the tasks can still type their names.
    }
  }

  #showChips() {
    const { status, finished } = this.#filter;
    const isKnown = this.#statuses.some((chip) => chip.status === status);
    const chips = isKnown ? this.#statuses : [...this.#statuses, { title: printable(status), status, finished: "" }];
    // The elements stay: one may have the focus, and a click may have begun on it.
    while (this.#chips.childElementCount > chips.length) this.#chips.lastChild.remove();
    while (this.#chips.childElementCount < chips.length) this.#chips.append(el("a", { class: "chip", "data-replace": true }));
    chips.forEach((chip, index) => {
      const element = this.#chips.children[index];
      const isChosen = chip.status === status && chip.finished === finished;
      setText(element, chip.title);
      element.href = pageAddress("runs", { ...this.#filter, status: chip.status, finished: chip.finished });
      setAttribute(element, "aria-current", isChosen ? "true" : null);
    });
  }

  #submit(event) {
    event.preventDefault();
    this.#chosen();
  }

  #chosen() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [text, task, tag] = [this.#text, this.#task, this.#tag].map((input) => input.value.trim());
    const sort = this.#sort.value === DEFAULT_SORT ? "" : this.#sort.value;
    this.#choose({ ...this.#filter, text, task, tag, sort });
  }
}

function field(type, label, placeholder, list) {
  return el("input", { type, placeholder, list, name: label.toLowerCase(), autocomplete: "off", spellcheck: "false", maxlength: 255 });
}

function labelled(text, input, key = "", kind = "") {
  return el("label", { class: `field field-${kind || input.name}` }, el("span", { class: "unseen" }, text), input, key && el("kbd", { "aria-hidden": "true" }, key));
}
