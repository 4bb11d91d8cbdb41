// Lists of the metadata that are logs: `logs` and `log`, as on the command line (cli/src/live/log.rs), and lists whose elements all have a
// message.

import { el, mark, setText } from "../dom.js";
import { isObject } from "../json.js";
import { counted, clock, printable, printableLines } from "../text.js";

const KEYS = ["logs", "log"];
const TEXTS = ["message", "msg", "text"];
const TIMES = ["time", "timestamp", "ts", "at"];
const LEVELS = ["level", "severity"];

/** Lines that are elements of the page. */
const SHOWN = 1_000;

/** Returns the keys of the metadata that hold logs. */
export function logKeys(metadata) {
  const isLog = ([key, value]) => {
    if (!Array.isArray(value)) return false;
    return KEYS.includes(key) || (value.length > 0 && value.every((line) => isObject(line) && textOf(line) !== undefined));
  };
  return Object.entries(metadata).filter(isLog).map(([key]) => key);
}

function textOf(line) {
  return TEXTS.map((name) => line[name]).find((text) => typeof text === "string");
}

export class Log {
  #lines = el("ol");
  #frame = el("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0" }, this.#lines);
  #count = el("span", { class: "hint" });
  #texts = [];
  #isFirst = true;

  constructor(key) {
    const name = printable(key);
    this.#frame.setAttribute("aria-label", name);
    this.element = el("section", { class: "card" }, el("header", {}, el("h2", {}, name), this.#count), this.#frame);
  }

  show(elements) {
    const texts = elements.slice(-SHOWN).map((line) => JSON.stringify(line));
    const fresh = elements.slice(elements.length - (texts.length - known(this.#texts, texts)));
    const isAtEnd = this.#frame.scrollTop + this.#frame.clientHeight >= this.#frame.scrollHeight - 8;
    if (fresh.length >= texts.length) this.#lines.replaceChildren();
    for (const line of fresh.slice(-SHOWN)) {
      const item = lineOf(line);
      this.#lines.append(item);
      if (!this.#isFirst) mark(item);
    }
    while (this.#lines.childElementCount > texts.length) this.#lines.firstChild.remove();
    this.#texts = texts;
    this.#isFirst = false;
    const earlier = elements.length - texts.length;
    setText(this.#count, earlier > 0 ? `the last ${counted(texts.length, "line")} of ${counted(elements.length, "line")}` : counted(texts.length, "line"));
    if (isAtEnd) this.#frame.scrollTop = this.#frame.scrollHeight;
  }
}

/** Returns how many of the first lines of now are the last ones of before, of which the first may be gone. */
export function known(before, now) {
  for (let length = Math.min(before.length, now.length); length > 0; length -= 1) {
    const start = before.length - length;
    let same = 0;
    while (same < length && before[start + same] === now[same]) same += 1;
    if (same === length) return length;
  }
  return 0;
}

function lineOf(line) {
  if (!isObject(line)) return el("li", {}, el("span", { class: "line" }, typeof line === "string" ? printableLines(line) : JSON.stringify(line)));
  const text = textOf(line);
  const level = LEVELS.map((name) => line[name]).find((word) => typeof word === "string");
  const time = Date.parse(TIMES.map((name) => line[name]).find((one) => typeof one === "string") ?? "");
  return el(
    "li",
    { "data-level": level?.toLowerCase() },
    Number.isNaN(time) ? "" : el("time", {}, clock(time)),
    level === undefined ? "" : el("span", { class: "level" }, printable(level)),
    el("span", { class: "line" }, text === undefined ? JSON.stringify(line) : printableLines(text)),
  );
}
