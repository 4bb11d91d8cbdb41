// A measure as a bar, the percentage, and in words how far it is and what is left.

import { el, setAttribute, setText } from "../dom.js";
import { amount, duration, printable, rate } from "../text.js";

/** Returns the percentage, rounded down, which is 100 only when all is done. */
export function percent(fraction) {
  // 29 of 50 is 57.99999999999999 %.
  const percent = Math.floor(fraction * 100 + 1e-9);
  return fraction < 1 ? Math.min(percent, 99) : percent;
}

export class Bar {
  #done = el("span", { class: "bar-done" });
  #percent = el("span", { class: "bar-percent" });
  #counted = el("span", { class: "bar-counted" });
  #rate = el("span", { class: "bar-rate" });
  #left = el("span", { class: "bar-left" });

  #reason = el("span", { class: "bar-reason" });

  /** The text says what the bar shows, so a screen reader need not see the bar. */
  element = el(
    "span",
    { class: "bar" },
    el("span", { class: "bar-all", "aria-hidden": "true" }, this.#done),
    this.#percent,
    el("span", { class: "bar-words" }, this.#counted, this.#rate, this.#left),
    this.#reason,
  );

  /** Shows a measure; of a run that is over, in the colour of its end. Why a run failed says more than how far it came. */
  show(measure, state, reason = "") {
    this.element.hidden = measure === undefined && reason === "";
    setAttribute(this.element, "data-reason", reason === "" ? null : "");
    setText(this.#reason, printable(reason));
    setAttribute(this.#reason, "title", reason === "" ? null : printable(reason));
    if (measure === undefined) return;
    const { done, total, fraction, left } = measure;
    this.element.dataset.state = state;
    this.#done.style.setProperty("--fraction", fraction);
    setText(this.#percent, `${percent(fraction)} %`);
    const isOdd = done < 0 || done > measure.whole;
    setText(this.#counted, total !== null || isOdd ? `${amount(done)} of ${amount(measure.whole)}` : "");
    setAttribute(this.#counted, "data-odd", isOdd ? "" : null);
    setText(this.#rate, total === null || measure.rate === null ? "" : rate(measure.rate));
    setText(this.#left, left === null || !Number.isFinite(left) ? "" : `${duration(left)} left`);
  }
}
