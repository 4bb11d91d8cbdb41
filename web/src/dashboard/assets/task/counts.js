// Counts of a task's runs, by status and by group.

import { GROUP_NAMES, groupOf } from "../draw/status.js";

/** Returns the counts of a task as a map from status to number. */
export function countsOf(task) {
  return new Map(Object.entries(task.statuses));
}

/** Returns all statuses that tasks have: in the order of their groups, then of their names. */
export function statusesOf(tasks) {
  const all = new Set(tasks.flatMap((task) => [...countsOf(task).keys()]));
  const place = (status) => GROUP_NAMES.indexOf(groupOf(status));
  return [...all].sort().sort((a, b) => place(a) - place(b));
}

/** Returns for each group of statuses { group, count, statuses }; those are [status, number], the most frequent first. */
export function groupsOf(task) {
  return GROUP_NAMES.map((group) => {
    const statuses = [...countsOf(task)].filter(([status, count]) => count > 0 && groupOf(status) === group).sort(([, a], [, b]) => b - a);
    return { group, count: statuses.reduce((sum, [, count]) => sum + count, 0), statuses };
  });
}
