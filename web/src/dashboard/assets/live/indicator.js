// Shows whether the page is live: a word in the header, and a notice above the page when it is stale.

import { announce, el, setText } from "../dom.js";
import { recent } from "../text.js";
import { connection } from "./connection.js";
import { isNarrow } from "./waiting.js";

const WORDS = { connecting: "Connecting", live: "Live", stale: "Stale", blocked: "No answer" };

/** What to do where requests get no answer. */
const ADVICE =
  "Without HTTP/2 a browser has six connections for all its tabs, and none seems to be free. Close other tabs of the dashboard, or put a proxy that speaks HTTP/2 in front of the gateway.";

export function showConnection(place, notice) {
  const word = el("span");
  place.append(el("span", { class: "dot", "aria-hidden": "true" }), word);
  const since = el("strong");
  const next = el("span", { class: "next" });
  const retry = el("button", { type: "button", onclick: () => connection.retry() }, "Try now");
  const bar = el("div", { class: "notice", hidden: true }, el("p", {}, since, " What you see is from then. ", next), retry);
  const advice = el("span");
  const blocked = el("div", { class: "notice", hidden: true }, el("p", {}, el("strong", {}, "No answer from the gateway. "), advice));
  notice.append(bar, blocked);
  let before = "none";
  const show = () => {
    const state = connection.state;
    place.hidden = state.kind === "none";
    place.dataset.state = state.kind;
    setText(word, WORDS[state.kind] ?? "");
    bar.hidden = state.kind !== "stale";
    setText(advice, isNarrow() ? ADVICE : "");
    blocked.hidden = state.kind !== "blocked";
    document.body.classList.toggle("stale", state.kind === "stale");
    if (state.kind === "stale") {
      setText(since, `Connection lost at ${recent(state.since)}.`);
      const seconds = state.next === null ? 0 : Math.ceil((state.next - Date.now()) / 1_000);
      setText(next, seconds > 0 ? `Next try in ${seconds} s.` : "Trying again …");
    }
    if (state.kind !== before) {
      if (state.kind === "stale") announce(`Connection lost at ${recent(state.since)}. What you see is from then.`);
      else if (state.kind === "blocked") announce(blocked.textContent);
      else if (before === "stale" && state.kind === "live") announce("Connected again.");
      // Between the two it is being opened.
      if (state.kind !== "connecting" || before !== "stale") before = state.kind;
    }
  };
  connection.addEventListener("change", show);
  setInterval(() => connection.state.kind === "stale" && show(), 500);
  show();
}
