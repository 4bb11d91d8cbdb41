// What is shown where something could not be read.

import { el } from "./dom.js";
import { mayPass } from "./api.js";
import { pageAddress, runAddress, taskAddress } from "./address.js";
import { scopes } from "./session.js";

/** Shows why, what to do, and a button that tries again. */
export function showProblem(place, problem, retry) {
  const text = problem.status === undefined ? "The gateway cannot be reached." : problem.message;
  place.hidden = false;
  const button = el("button", { type: "button", onclick: retry }, "Try again");
  place.replaceChildren(
    el(
      "div",
      { class: "problem", role: "alert" },
      el("p", { class: "problem-title" }, text),
      problem.detail ? el("p", {}, problem.detail) : "",
      problem.hint ? el("p", {}, problem.hint) : "",
      mayPass(problem) && retry ? button : "",
      problem.status === 403 ? allowed() : "",
    ),
  );
}

/** Shows that something is being read; a short wait is not shown (message.css). */
export function showReading(place) {
  place.hidden = false;
  if (place.querySelector(".reading") === null) place.replaceChildren(el("p", { class: "empty reading" }, "Reading …"));
}

/** Shows what the token of this tab may read. */
function allowed() {
  const links = scopes().map(link).filter(Boolean);
  if (links.length === 0) return "";
  return el("div", {}, el("p", {}, "This token may read:"), el("ul", {}, ...links.map((one) => el("li", {}, one))));
}

function link(scope) {
  const [action, type, ...rest] = scope.split(":");
  const id = rest.join(":");
  if (action !== "read" && action !== "*") return null;
  if (type === "runs" && id) return el("a", { href: runAddress(id) }, `run ${id}`);
  if (type === "tree" && id) return el("a", { href: pageAddress("runs", { root: id }) }, `the family of ${id}`);
  if (type === "tags" && id) return el("a", { href: pageAddress("runs", { tag: id, roots: "false" }) }, `runs with the tag ${id}`);
  if (type === "tasks" && id) return el("a", { href: taskAddress(id) }, `task ${id}`);
  return null;
}
