// Counts of a task's runs, by status.

const FIRST = ["queued", "running", "completed", "failed"];

/** Returns the counts of a task as a map from status to number. */
export function countsOf(task) {
  return new Map(Object.entries(task.statuses));
}

/** Returns all statuses that tasks have: the usual ones in their order, then the others. */
export function statusesOf(tasks) {
  const all = new Set(tasks.flatMap((task) => [...countsOf(task).keys()]));
  const others = [...all].filter((status) => !FIRST.includes(status)).sort();
  return [...FIRST.filter((status) => all.has(status)), ...others];
}
