// Times that say how long ago they were, and go on saying so.

import { el, setText } from "../dom.js";
import { ago, exactMoment } from "../text.js";

/** Shows a time, in milliseconds, as an element that says how long ago it was; its title is the exact one. */
export function showAgo(element, time, now = Date.now()) {
  element.hidden = time === null;
  if (time === null) return;
  const iso = new Date(time).toISOString();
  if (element.dateTime !== iso) {
    element.dateTime = iso;
    element.title = exactMoment(time);
  }
  setText(element, ago(time, now));
}

/** Makes an element for a time. */
export function timeElement() {
  return el("time", {});
}

/** Calls a function each second while the page is seen, and returns one that ends this. */
export function eachSecond(tick) {
  const timer = setInterval(() => document.visibilityState === "visible" && tick(), 1_000);
  return () => clearInterval(timer);
}
