// Metadata as a tree that folds, and marks what just changed.

import { el, mark, setText } from "../dom.js";
import { LongText } from "../draw/long.js";
import { Exact, isObject } from "../json.js";
import { copyButton, literal, pathOf } from "../sql.js";
import { counted, keyName } from "../text.js";

/** Members that are shown at first; a button shows more. */
const SHOWN = 100;

/** What has more members than this is folded at first, and so are lists of objects and what is below the second level. */
const FOLDED = 12;

const ORDER = new Intl.Collator("en", { numeric: true });

/** The document of a run. */
export class DocumentTree {
  #root;

  constructor(id) {
    this.#root = new Branch(id, [], true);
    this.element = el("div", { class: "document" }, this.#root.list);
  }

  /**
   * Shows a state of the document; what is another than before is marked, but for the first time. The member `elsewhere` is on the page
   * a second time, so that it is folded here when that begins.
   */
  show(metadata, elsewhere = null) {
    this.#root.show(metadata);
    if (elsewhere !== null && this.#elsewhere !== elsewhere) this.#root.fold(elsewhere);
    this.#elsewhere = elsewhere;
  }

  #elsewhere = null;
}

/** The members of an object, or the elements of a list. */
class Branch {
  list = el("ul", { class: "members" });
  #id;
  #path;
  #members = new Map();
  #limit = SHOWN;
  #value;
  #more = el("button", { type: "button", class: "quiet more", onclick: () => this.#showMore() });
  #isFirst = true;
  isOpen;

  constructor(id, path, isOpen) {
    this.#id = id;
    this.#path = path;
    this.isOpen = isOpen;
  }

  /** Returns true if something has changed. */
  show(value) {
    this.#value = value;
    if (!this.isOpen) return;
    const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value).sort(ORDER.compare);
    const shown = keys.slice(0, this.#limit);
    const kept = new Set(shown);
    for (const [key, member] of this.#members) {
      if (kept.has(key)) continue;
      member.element.remove();
      this.#members.delete(key);
    }
    shown.forEach((key, index) => {
      let member = this.#members.get(key);
      if (member === undefined) {
        member = new Member(this.#id, [...this.#path, key], this.#isFirst);
        this.#members.set(key, member);
      }
      if (this.list.children[index] !== member.element) this.list.insertBefore(member.element, this.list.children[index] ?? null);
      member.show(value[key]);
    });
    const rest = keys.length - shown.length;
    this.#more.remove();
    if (rest > 0) {
      setText(this.#more, `Show more of ${counted(rest, "other")}`);
      this.list.append(el("li", {}, this.#more));
      this.#more.parentElement.dataset.more = "";
    }
    for (const item of this.list.querySelectorAll(":scope > [data-more]")) if (!item.contains(this.#more)) item.remove();
    this.#isFirst = false;
  }

  fold(key) {
    this.#members.get(key)?.fold();
  }

  open() {
    this.isOpen = true;
    this.#isFirst = true;
    this.show(this.#value);
  }

  #showMore() {
    this.#limit += SHOWN;
    this.#isFirst = true;
    this.show(this.#value);
  }
}

/** Writes a key, or an index. */
function nameOf(key) {
  return typeof key === "number" ? String(key) : keyName(key);
}

/** A key and its value. */
class Member {
  #path;
  #id;
  #value = el("span", { class: "value" });
  #line;
  #branch = null;
  #toggle = null;
  #text;
  #isFirst;
  #long = new LongText(this.#value);

  constructor(id, path, isFirst) {
    this.#id = id;
    this.#path = path;
    this.#isFirst = isFirst;
    const key = path.at(-1);
    const name = el("span", { class: typeof key === "number" ? "key index" : "key" }, nameOf(key));
    const sql = () => `SELECT runmeta.get(${literal(id)}, ${literal(pathOf(path))});`;
    this.#line = el("div", { class: "member" }, name, this.#value, copyButton("SQL", sql, `Copy as SQL: ${nameOf(key)}`));
    this.element = el("li", {}, this.#line);
  }

  show(value) {
    const text = JSON.stringify(value);
    if (text === this.#text) return;
    const isNew = this.#text === undefined;
    this.#text = text;
    if (isObject(value) || Array.isArray(value)) this.#showBranch(value);
    else this.#showLeaf(value);
    if (!isNew || !this.#isFirst) mark(this.#line);
    this.#isFirst = false;
  }

  #showBranch(value) {
    const count = Array.isArray(value) ? value.length : Object.keys(value).length;
    const summary = Array.isArray(value) ? `[ ${counted(count, "element")} ]` : `{ ${counted(count, "member")} }`;
    if (this.#branch === null) {
      const isDeep = Array.isArray(value) && value.some((element) => typeof element === "object" && element !== null);
      const isOpen = this.#path.length < 2 && count <= FOLDED && !isDeep;
      this.#branch = new Branch(this.#id, this.#path, isOpen);
      this.#toggle = el("button", { type: "button", class: "fold", "aria-expanded": String(isOpen), "aria-label": nameOf(this.#path.at(-1)), onclick: () => this.#turn() });
      this.#line.prepend(this.#toggle);
      this.element.append(this.#branch.list);
      this.#branch.list.hidden = !isOpen;
    }
    this.#value.className = "value summary";
    setText(this.#value, summary);
    this.#branch.show(value);
  }

  /** Folds it, as if somebody had. */
  fold() {
    this.#long.shorten();
    if (this.#toggle?.getAttribute("aria-expanded") === "true") this.#turn();
  }

  #turn() {
    const isOpen = this.#toggle.getAttribute("aria-expanded") !== "true";
    this.#toggle.setAttribute("aria-expanded", String(isOpen));
    this.#branch.list.hidden = !isOpen;
    if (isOpen) this.#branch.open();
    else this.#branch.isOpen = false;
  }

  #showLeaf(value) {
    if (this.#branch !== null) {
      this.#branch.list.remove();
      this.#toggle.remove();
      this.#branch = null;
    }
    const kind = value === null ? "null" : value instanceof Exact ? "number" : typeof value;
    this.#value.className = `value ${kind}`;
    if (typeof value === "string") return this.#long.show(value);
    return setText(this.#value, value instanceof Exact ? value.text : String(value));
  }
}
