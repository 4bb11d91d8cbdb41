// Texts of metadata: with their lines, and folded where they are long.

import { el, setText } from "../dom.js";
import { counted, printableLines } from "../text.js";

/** A text of more letters or lines is cut, until somebody asks for all of it. A stack trace shows where it begins. */
const LETTERS = 300;
const LETTERS_IN_LINES = 1_000;
const LINES = 8;

/** Shows texts in an element, one at a time. What was unfolded stays so. */
export class LongText {
  #element;
  #text;
  #isWhole = false;
  #lines = LINES;
  #cut = document.createTextNode("");
  #button = el("button", { type: "button", class: "quiet", onclick: () => this.#turn() });

  constructor(element) {
    this.#element = element;
  }

  /** Shows a line until somebody asks for more: the whole is elsewhere on the page. */
  shorten() {
    this.#lines = 1;
    if (this.#text !== undefined) this.show(this.#text);
  }

  show(text) {
    this.#text = printableLines(text);
    const cut = this.#text.split("\n", this.#lines).join("\n").slice(0, this.#text.includes("\n") ? LETTERS_IN_LINES : LETTERS);
    if (cut.length === this.#text.length) return setText(this.#element, this.#text);
    const shown = this.#isWhole ? `${this.#text}\n` : `${cut}… `;
    if (this.#cut.data !== shown) this.#cut.data = shown;
    const lines = this.#text.split("\n").length;
    setText(this.#button, this.#isWhole ? "less" : `all ${lines > this.#lines ? counted(lines, "line") : counted(this.#text.length, "letter")}`);
    if (this.#button.parentElement !== this.#element) this.#element.replaceChildren(this.#cut, this.#button);
  }

  #turn() {
    this.#isWhole = !this.#isWhole;
    this.show(this.#text);
  }
}
