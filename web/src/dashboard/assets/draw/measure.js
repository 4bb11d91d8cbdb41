// Progress of a run, found by the names of the numbers in its metadata, as the command line does (cli/src/live/measure.rs; the names are
// in cli/README.md).

import { isObject, numberOf } from "../json.js";
import { words } from "./words.js";

/** What is done of a total, in order of preference. */
const DONE = ["done", "processed", "completed", "finished", "current"];

/**
 * Finds the progress in the metadata: { measures, keys }, the keys being those of the document that hold it. A measure is
 * { label, done, total }; the total of a number that is itself the progress is null.
 */
export function measures(metadata) {
  if (!isObject(metadata)) return { measures: [], keys: new Set() };
  const found = inObject(metadata, "");
  const keys = new Set(found.flatMap((one) => one.keys));
  for (const [key, member] of Object.entries(metadata)) {
    if (!isObject(member)) continue;
    const below = inObject(member, key);
    if (below.length > 0) keys.add(key);
    found.push(...below);
  }
  // The sort is stable: numbers named progress come first, as they are about the whole.
  found.sort((a, b) => (a.total !== null) - (b.total !== null));
  return { measures: found.map(({ label, done, total }) => ({ label, done, total })), keys };
}

function inObject(object, name) {
  const numbers = [];
  for (const [key, value] of Object.entries(object)) {
    const number = numberOf(value);
    if (number !== undefined) numbers.push({ key, words: words(key), number });
  }
  const found = [];
  for (const { key, words, number } of numbers) {
    if (words.at(-1) === "progress") {
      found.push({ label: `${name} ${key}`.trim(), done: number, total: null, keys: [key] });
      continue;
    }
    const subject = number > 0 ? without(words, "total") : undefined;
    const done = subject && doneOf(numbers, subject, key);
    if (!done) continue;
    const label = subject.join(" ") || name || done.key;
    found.push({ label, done: done.number, total: number, keys: [key, done.key] });
  }
  return found;
}

/** Finds the number that is done of the total of a subject. */
function doneOf(numbers, subject, total) {
  const others = numbers.filter(({ key }) => key !== total);
  for (const word of DONE) {
    const done = others.find(({ words }) => isSame(without(words, word), subject));
    if (done) return done;
  }
  return subject.length > 0 ? others.find(({ words }) => isSame(words, subject)) : undefined;
}

/** Returns the words without the first or last one, if that is this one. */
function without(words, word) {
  if (words[0] === word) return words.slice(1);
  return words.length > 0 && words.at(-1) === word ? words.slice(0, -1) : undefined;
}

function isSame(words, others) {
  return words !== undefined && words.length === others.length && words.every((word, index) => word === others[index]);
}

/** Keeps of metadata, or of a merge patch of it, what measures are found in: a document may have 250 kB. */
export function numbersOf(metadata, depth = 0) {
  if (!isObject(metadata)) return metadata;
  const kept = Object.create(null);
  for (const [key, value] of Object.entries(metadata)) {
    if (numberOf(value) !== undefined || value === null) kept[key] = value;
    else if (isObject(value) && depth === 0) kept[key] = numbersOf(value, 1);
    // What is no number takes the place of one in a patch.
    else kept[key] = false;
  }
  return kept;
}
