// The dashboard. It has a page for each address (address.js), which reads from the gateway's API (api.js, live/follow.js) with the key of
// this tab (session.js), and draws with plain elements (dom.js).

import { currentPage } from "./address.js";
import { KeysHelp } from "./keys.js";
import { showConnection } from "./live/indicator.js";
import { key, signOut, takeKeyFromAddress } from "./session.js";
import { RunPage } from "./run/page.js";
import { RunsPage } from "./runs/page.js";
import { SignInPage } from "./sign-in.js";
import { TaskPage } from "./task/page.js";
import { TasksPage } from "./task/list.js";

const PAGES = { runs: RunsPage, run: RunPage, tasks: TasksPage, task: TaskPage };

const main = document.getElementById("main");
const signOutButton = document.getElementById("sign-out");
const keysButton = document.getElementById("keys");
const help = new KeysHelp();
let shown = { name: null, page: null };

/** Scrolling is over after this pause, in milliseconds. Safari takes 100 changes of the history in 30 s. */
const PAUSE = 400;

let scrolled;

/** Leads to an address of the dashboard. */
function go(address, replaces = false) {
  const url = new URL(address, document.baseURI);
  if (replaces) {
    history.replaceState({ ...history.state, place: undefined }, "", url);
  } else {
    keepPlace();
    history.pushState({ isInside: true }, "", url);
  }
  show(!replaces);
}

/** Keeps where somebody is in the page, for when they come back to it. */
function keepPlace() {
  clearTimeout(scrolled);
  const place = shown.page?.place?.();
  if (place) history.replaceState({ ...history.state, place }, "");
}

/** Leads back to the page of before, or to the table. */
function goBack() {
  if (history.state?.isInside) history.back();
  else go("./");
}

/** Shows the page of the browser's address. */
function show(isNew = true, problem = undefined) {
  clearTimeout(scrolled);
  const { page: asked, parameters } = currentPage();
  const place = history.state?.place;
  const name = key() === null ? "sign-in" : PAGES[asked] === undefined ? "runs" : asked;
  signOutButton.hidden = key() === null;
  keysButton.hidden = key() === null;
  for (const link of document.querySelectorAll("nav a")) {
    const isCurrent = link.dataset.page === name || `${name}s` === link.dataset.page;
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown.name === name && shown.page.update !== undefined) {
    shown.page.update(parameters, place);
  } else {
    shown.page?.close();
    main.replaceChildren();
    const page = name === "sign-in" ? new SignInPage(main, problem, show) : new PAGES[name](main, parameters, go, place);
    shown = { name, page };
    if (isNew) scrollTo(0, 0);
  }
  document.title = `${shown.page.title} · runmeta`;
}

/** Takes clicks on links of the dashboard, unless they are meant for another tab. */
function click(event) {
  const link = event.target.closest?.("a[href]");
  const isOurs = link && link.origin === location.origin && !link.target && !link.hasAttribute("download") && link.hash === "";
  if (!isOurs || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const isAnother = new URL(link.href).pathname !== location.pathname;
  go(link.href, link.hasAttribute("data-replace"));
  // A screen reader reads the heading of the new page.
  if (isAnother) main.querySelector("h1")?.focus({ preventScroll: true });
}

/** Takes keys that no field needs. */
function press(event) {
  const isTyping = event.target.closest?.('input:not([type="checkbox"]), select, textarea, [contenteditable]');
  if (event.key === "Escape" && isTyping) event.target.blur();
  if (isTyping || event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || help.isOpen) return;
  if (shown.page.key?.(event)) event.preventDefault();
  else if (event.key === "?") help.open();
  else if ((event.key === "Escape" || event.key === "u") && ["run", "task"].includes(shown.name)) goBack();
  else if (event.key === "/" && shown.name !== "sign-in") {
    event.preventDefault();
    go("./");
    shown.page.key?.(event);
  }
}

takeKeyFromAddress();
showConnection(document.getElementById("connection"), document.getElementById("notice"));
document.addEventListener("click", click);
document.addEventListener("keydown", press);
keysButton.addEventListener("click", () => help.open());
addEventListener("scroll", () => {
  clearTimeout(scrolled);
  scrolled = setTimeout(keepPlace, PAUSE);
}, { passive: true });
addEventListener("pagehide", keepPlace);
addEventListener("popstate", () => show(false));
addEventListener("hashchange", () => {
  takeKeyFromAddress();
  show();
});
addEventListener("signed-out", () => {
  // The form itself says why a key is refused.
  if (shown.name !== "sign-in") show(true, "The gateway does not accept this key any more.");
});
signOutButton.addEventListener("click", () => {
  signOut();
  show();
});
show();
