// What chooses the runs of the table: chips for the status, fields for task, tag and text, and the order.

import { pageAddress } from "../address.js";
import { get } from "../api.js";
import { el, setAttribute, setText } from "../dom.js";
import { printable } from "../text.js";
import { DEFAULT_SORT, isFiltered, isTopOnly } from "./filter.js";

/** Typing is over after this pause, in milliseconds. */
const PAUSE = 200;

const CHIPS = [
  chip("All", {}),
  chip("Active", { finished: "false" }),
  chip("failed", { group: "failed" }),
  chip("succeeded", { group: "succeeded" }),
  // A run that works may have any word for its status, so that this is no group.
  chip("running", { status: "running" }),
  chip("queued", { group: "queued" }),
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
  #topOnly = el("input", { type: "checkbox", role: "switch" });
  #tasks = el("datalist", { id: "tasks-known" });
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
    for (const input of [this.#sort, this.#topOnly]) input.addEventListener("change", () => this.#chosen());
    this.element = el(
      "form",
      { class: "controls", role: "search", "aria-label": "Runs", onsubmit: (event) => this.#submit(event) },
      this.#chips,
      el("div", { class: "fields" }, labelled("Search", this.#text, "/"), labelled("Task", this.#task), labelled("Tag", this.#tag), labelled("Order", this.#sort, "", "sort"), el("label", { class: "switch" }, this.#topOnly, "Top level only"), this.#family, this.#reset),
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
    this.#reset.hidden = !isFiltered(filter);
    this.#reset.href = pageAddress("runs", { roots: filter.roots });
    // A family is shown whole.
    this.#topOnly.parentElement.hidden = filter.root !== "";
    this.#topOnly.checked = isTopOnly(filter);
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
    const { group, status } = this.#filter;
    const isKnown = CHIPS.some((one) => one.group === group && one.status === status);
    const title = printable(group || status.replaceAll(",", ", "));
    // A chip of that name stands for all words of its group.
    const isTaken = CHIPS.some((one) => one.title.toLowerCase() === title.toLowerCase());
    const chips = isKnown ? CHIPS : [...CHIPS, chip(isTaken ? `only “${title}”` : title, { group, status })];
    // The elements stay: one may have the focus, and a click may have begun on it.
    while (this.#chips.childElementCount > chips.length) this.#chips.lastChild.remove();
    while (this.#chips.childElementCount < chips.length) this.#chips.append(el("a", { class: "chip", "data-replace": true }));
    chips.forEach(({ title, ...choice }, index) => {
      const element = this.#chips.children[index];
      const isChosen = Object.entries(choice).every(([name, value]) => this.#filter[name] === value);
      setText(element, title);
      element.href = pageAddress("runs", { ...this.#filter, ...choice });
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
    // A family keeps what was chosen before.
    const roots = this.#filter.root !== "" ? this.#filter.roots : this.#topOnly.checked ? "" : "false";
    this.#choose({ ...this.#filter, text, task, tag, sort, roots });
  }
}

function chip(title, { group = "", status = "", finished = "" }) {
  return { title, group, status, finished };
}

function field(type, label, placeholder, list) {
  return el("input", { type, placeholder, list, name: label.toLowerCase(), autocomplete: "off", spellcheck: "false", maxlength: 255 });
}

function labelled(text, input, key = "", kind = "") {
  return el("label", { class: `field field-${kind || input.name}` }, el("span", { class: "unseen" }, text), input, key && el("kbd", { "aria-hidden": "true" }, key));
}
