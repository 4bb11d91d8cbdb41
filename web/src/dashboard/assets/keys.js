// What the keys of the keyboard do.

import { el } from "./dom.js";

const KEYS = [
  [["j", "↓"], "next run of the table"],
  [["k", "↑"], "the run before it"],
  [["Enter"], "open the run"],
  [["/"], "search"],
  [["Esc", "u"], "back from a run or a task"],
  [["?"], "these keys"],
];

export class KeysHelp {
  #dialog = el(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, "Keys"),
    el("dl", {}, ...KEYS.map(([keys, effect]) => el("div", {}, el("dt", {}, ...keys.map((key) => el("kbd", {}, key))), el("dd", {}, effect)))),
    el("button", { type: "button", onclick: () => this.#dialog.close() }, "Close"),
  );

  constructor() {
    document.body.append(this.#dialog);
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key !== "?") return;
      event.preventDefault();
      this.#dialog.close();
    });
    // A click beside it closes it: the dialog itself is the whole of what was clicked then.
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  open() {
    this.#dialog.showModal();
  }
}
