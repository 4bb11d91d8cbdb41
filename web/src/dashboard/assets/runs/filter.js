// Which runs the table shows, and in which order: read from the address, and written to it.

const NAMES = ["status", "finished", "task", "tag", "root", "text", "sort"];

/** The order that the API has by default. */
export const DEFAULT_SORT = "-created";

/** Reads a filter from the parameters of an address. */
export function filterOf(parameters) {
  return Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""]));
}

/** Tells whether a filter leaves no run out. */
export function showsAll(filter) {
  return NAMES.every((name) => name === "sort" || filter[name] === "");
}

/** Tells whether a run passes the filter, as the gateway decides it. */
export function matches(filter, run) {
  const { status, finished, task, tag, root, text } = filter;
  if (run.isGone) return false;
  if (status !== "" && run.status !== status) return false;
  if (finished !== "" && (run.finished !== null) !== (finished === "true")) return false;
  if (task !== "" && run.task !== task) return false;
  if (tag !== "" && !run.tags.includes(tag)) return false;
  if (root !== "" && run.root !== root) return false;
  return text === "" || contains(run, text.toLowerCase());
}

function contains(run, text) {
  return (
    run.id.toLowerCase().includes(text) ||
    (run.task ?? "").toLowerCase().includes(text) ||
    run.tags.some((tag) => tag.toLowerCase() === text)
  );
}

const KEYS = {
  created: (run) => run.created,
  updated: (run) => run.updated,
  finished: (run) => run.finished,
  id: (run) => run.id,
  task: (run) => run.task,
  status: (run) => run.status,
  duration: (run) => (run.started === null ? null : (run.finished ?? Date.now()) - run.started),
};

/** Returns what compares two runs in an order such as `-created`: first by that, then by id. */
export function comparison(sort) {
  const isDescending = (sort || DEFAULT_SORT).startsWith("-");
  const key = KEYS[(sort || DEFAULT_SORT).replace("-", "")] ?? KEYS.created;
  const sign = isDescending ? -1 : 1;
  return (a, b) => sign * (compare(key(a), key(b)) || compare(a.id, b.id));
}

/** Compares as Postgres does: what is null comes last where it is ascending. */
function compare(a, b) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}
