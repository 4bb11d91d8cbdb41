// Ids that are cut in the middle where there is no room: those of a family begin alike, and those of a day end alike.

import { el, setAttribute } from "../dom.js";

/** Letters at the end that are always shown. A guess: a date, or the half of a UUID. */
const TAIL = 12;

/** An id that is shorter is never cut. */
const SHORT = 2 * TAIL;

/** Shows a text, which has no characters that are unseen, in an element of one line; its title is the whole. */
export function showId(element, text) {
  if (element.textContent === text) return;
  element.title = text;
  const letters = [...text];
  const isLong = letters.length > SHORT;
  element.classList.toggle("cut", isLong);
  setAttribute(element, "aria-label", isLong ? text : null);
  const parts = isLong ? [el("span", { class: "cut-head" }, letters.slice(0, -TAIL).join("")), letters.slice(-TAIL).join("")] : [text];
  element.replaceChildren(...parts);
}
