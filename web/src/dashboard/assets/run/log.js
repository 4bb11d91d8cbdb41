// Lists of the metadata that are logs: `logs` and `log`, as on the command line (cli/src/live/log.rs), and lists whose elements all have a
// message.

import { el, mark, setText } from "../dom.js";
import { isObject } from "../json.js";
import { counted, exactMoment, keyName, printable, printableLines, recent } from "../text.js";

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
    return KEYS.includes(key) || (value.length > 0 && value.every((line) => isObject(line) && keyOf(line, TEXTS, isText) !== undefined));
  };
  return Object.entries(metadata).filter(isLog).map(([key]) => key);
}

/** Returns the key under which a line has what is one of these names. */
function keyOf(line, names, is) {
  return names.find((name) => Object.hasOwn(line, name) && is(line[name]));
}

const isText = (value) => typeof value === "string";
const isTime = (value) => isText(value) && !Number.isNaN(Date.parse(value));

export class Log {
  #lines = el("ol");
  #frame = el("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0" }, this.#lines);
  #count = el("span", { class: "hint" });
  #texts = [];
  #isFirst = true;

  constructor(key) {
    const name = keyName(key);
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
  if (!isObject(line)) return el("li", {}, el("span", { class: "line" }, isText(line) ? printableLines(line) : JSON.stringify(line)));
  const [text, level, time] = [keyOf(line, TEXTS, isText), keyOf(line, LEVELS, isText), keyOf(line, TIMES, isTime)];
  const others = Object.entries(line).filter(([key]) => ![text, level, time].includes(key));
  return el(
    "li",
    { "data-level": level && line[level].toLowerCase() },
    time && timeOf(Date.parse(line[time])),
    level && el("span", { class: "level" }, printable(line[level])),
    el("span", { class: "line" }, text && printableLines(line[text]), text && others.length > 0 && " ", ...others.flatMap(leaves).flatMap(memberOf)),
  );
}

function timeOf(time) {
  return el("time", { datetime: new Date(time).toISOString(), title: exactMoment(time) }, recent(time));
}

/** Returns a member as it is, or, where it is an object with texts of several lines such as an error with its stack, the members of that. */
function leaves([key, value]) {
  const hasLines = isObject(value) && Object.values(value).some((one) => isText(one) && one.includes("\n"));
  return hasLines ? Object.entries(value).map(([below, one]) => [`${key}.${below}`, one]) : [[key, value]];
}

/** Shows another member of a line behind its text, as `key=value`. */
function memberOf([key, value], index) {
  const text = isText(value) ? printableLines(value) : JSON.stringify(value);
  return [index > 0 && " ", el("span", { class: "log-member" }, el("span", { class: "log-key" }, `${keyName(key)}=`), text)];
}
