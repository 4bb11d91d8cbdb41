// Rows of a table of which only those in sight are elements, whatever their number. All rows have one height, and the window scrolls.

import { el } from "../dom.js";

/** Rows that are kept above and below what is seen, so that scrolling shows no gaps. */
const SPARE = 8;

export class VirtualRows {
  #body;
  #row;
  #above = spacer();
  #below = spacer();
  #items = [];
  #rows = new Map();
  #height = 40;
  #painted = false;
  #onPaint;

  /** `row(item)` makes { element, show(item, index) } for an item; an item has an id. */
  constructor(body, row, onPaint) {
    this.#body = body;
    this.#row = row;
    this.#onPaint = onPaint;
    body.append(this.#above, this.#below);
    addEventListener("scroll", this.#soon, { passive: true });
    addEventListener("resize", this.#soon, { passive: true });
  }

  close() {
    removeEventListener("scroll", this.#soon);
    removeEventListener("resize", this.#soon);
  }

  /** Shows these items. What is in sight stays where it is when rows are added above it. */
  show(items) {
    const anchor = this.#anchor();
    this.#items = items;
    this.paint();
    if (anchor === null) return;
    const index = items.findIndex((item) => item.id === anchor.id);
    if (index >= 0 && index !== anchor.index) {
      scrollBy({ top: (index - anchor.index) * this.#height, behavior: "instant" });
      this.paint();
    }
  }

  get isEmpty() {
    return this.#items.length === 0;
  }

  /** Returns where somebody is in the table. */
  place() {
    return { ...this.#anchor(), top: scrollY };
  }

  /** Leads back to a place, also where rows were added above it. */
  goBackTo({ id, index, top }) {
    const now = this.#items.findIndex((item) => item.id === id);
    scrollTo({ top: top + (now < 0 ? 0 : (now - index) * this.#height), behavior: "instant" });
    this.paint();
  }

  /** Returns the index of the first row in sight. */
  first() {
    return this.#anchor()?.index ?? 0;
  }

  /** Returns the index of the row that has the focus, or -1. */
  focused() {
    const row = document.activeElement?.closest?.("[data-index]");
    return row !== null && row !== undefined && this.#body.contains(row) ? Number(row.dataset.index) : -1;
  }

  /** Moves the focus to the link of a row, and scrolls there. */
  focus(index) {
    if (index < 0 || index >= this.#items.length) return;
    const top = this.#top() + index * this.#height;
    const covered = this.#covered();
    if (top < covered) scrollBy({ top: top - covered, behavior: "instant" });
    else if (top + this.#height > innerHeight) scrollBy({ top: top + this.#height - innerHeight + 8, behavior: "instant" });
    this.paint();
    this.#rows.get(this.#items[index].id)?.element.querySelector("a")?.focus({ preventScroll: true });
  }

  paint = () => {
    this.#painted = false;
    this.#height = parseFloat(getComputedStyle(this.#body).getPropertyValue("--row-height")) || 40;
    const top = this.#top();
    const first = Math.max(0, Math.floor(-top / this.#height) - SPARE);
    const last = Math.min(this.#items.length, Math.ceil((innerHeight - top) / this.#height) + SPARE);
    const shown = this.#items.slice(first, Math.max(first, last));
    const ids = new Set(shown.map((item) => item.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    let before = this.#above;
    shown.forEach((item, offset) => {
      let row = this.#rows.get(item.id);
      if (row === undefined) {
        row = this.#row(item);
        this.#rows.set(item.id, row);
      }
      // Moving an element takes the focus from what is in it, so rows in place stay there.
      if (before.nextSibling !== row.element) before.after(row.element);
      before = row.element;
      row.element.dataset.index = first + offset;
      row.element.setAttribute("aria-rowindex", first + offset + 2);
      row.show(item);
    });
    stretch(this.#above, first * this.#height);
    stretch(this.#below, (this.#items.length - Math.max(first, last)) * this.#height);
    this.#onPaint?.(last, this.#items.length);
  };

  #soon = () => {
    if (this.#painted) return;
    this.#painted = true;
    requestAnimationFrame(this.paint);
  };

  #top() {
    return this.#body.getBoundingClientRect().top;
  }

  /** What the header and the head of the table cover of the window. */
  #covered() {
    const bars = [document.querySelector("header.top"), this.#body.parentElement.querySelector("th")];
    return Math.max(...bars.map((bar) => bar?.getBoundingClientRect().bottom ?? 0));
  }

  /** Returns the first run in sight, if the beginning of the table is not in sight. */
  #anchor() {
    const hidden = this.#covered() - this.#top();
    if (hidden < this.#height / 2) return null;
    const index = Math.floor(hidden / this.#height);
    const item = this.#items[index];
    return item === undefined ? null : { id: item.id, index };
  }
}

function spacer() {
  return el("tr", { class: "spacer", "aria-hidden": "true", hidden: true }, el("td"));
}

function stretch(spacer, height) {
  spacer.hidden = height <= 0;
  spacer.firstChild.style.height = `${Math.max(height, 0)}px`;
}
