// Which runs the table shows, and in which order: read from the address, and written to it.

import { wordsOf } from "../draw/status.js";

const NAMES = ["group", "status", "finished", "task", "tag", "root", "text", "sort", "roots"];

/** The order that the API has by default. */
export const DEFAULT_SORT = "-created";

/** Reads a filter from the parameters of an address. */
export function filterOf(parameters) {
  return Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""]));
}

/** What is no filter: the order, and the switch that leaves runs with a parent out. */
const OTHERS = ["sort", "roots"];

/** Tells whether a filter asks for certain runs. */
export function isFiltered(filter) {
  return NAMES.some((name) => !OTHERS.includes(name) && filter[name] !== "");
}

/** Tells whether only runs without a parent are shown: unless the address has `roots=false`, or names a family. */
export function isTopOnly({ roots, root }) {
  return roots !== "false" && root === "";
}

/** Returns a filter as parameters of the API. */
export function asked({ group, ...filter }) {
  const status = group === "" ? filter.status : wordsOf(group).join();
  return { ...filter, status, roots: isTopOnly(filter) ? "true" : "" };
}

/** Tells whether a run passes the filter, as the gateway decides it. */
export function matches(filter, run) {
  const { group, status, finished, task, tag, root, text } = filter;
  if (run.isGone || (isTopOnly(filter) && run.parent !== null)) return false;
  if (group !== "" && !wordsOf(group).includes(run.status)) return false;
  if (group === "" && status !== "" && !status.split(",").includes(run.status)) return false;
  if (finished !== "" && (run.finished !== null) !== (finished === "true")) return false;
  if (task !== "" && run.task !== task) return false;
  if (tag !== "" && !run.tags.includes(tag)) return false;
  if (root !== "" && run.root !== root) return false;
  return text === "" || contains(run, text);
}

function contains(run, text) {
  const has = (whole) => whole.toLowerCase().includes(text.toLowerCase());
  return has(run.id) || has(run.task ?? "") || run.tags.includes(text);
}

/** What is not finished is sorted as the gateway does it. */
const KEYS = {
  created: (run) => run.created,
  updated: (run) => run.updated,
  finished: (run) => run.finished ?? Infinity,
  id: (run) => run.id,
  task: (run) => run.task ?? "",
  status: (run) => run.status,
  // In whole microseconds, so that equal ones are equal.
  duration: (run) => (run.started === null || run.finished === null ? -1 : Math.round((run.finished - run.started) * 1_000)),
};

/** Returns what compares two runs in an order such as `-created`: first by that, then by id. */
export function comparison(sort) {
  const isDescending = (sort || DEFAULT_SORT).startsWith("-");
  const key = KEYS[(sort || DEFAULT_SORT).replace("-", "")] ?? KEYS.created;
  const sign = isDescending ? -1 : 1;
  return (a, b) => sign * (compare(key(a), key(b)) || compare(a.id, b.id));
}

function compare(a, b) {
  return a === b ? 0 : a < b ? -1 : 1;
}
