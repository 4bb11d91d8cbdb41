// Why a run failed, in a line: its metadata's `error`, a text or an object with a message.

import { isObject } from "../json.js";

/** Letters that are kept of it. */
const MOST = 300;

/** Keeps of an error, or of a merge patch of it, the line. `kept` is what else is kept of it. */
export function keptError(error, kept) {
  if (typeof error === "string") return lineOf(error);
  if (!isObject(error) || typeof error.message !== "string") return kept;
  return { ...kept, message: lineOf(error.message) };
}

/** Returns the line; the empty text if there is none. */
export function reasonOf({ error }) {
  const text = isObject(error) ? error.message : error;
  return typeof text === "string" ? lineOf(text) : "";
}

/** Returns the first line that is not empty; of a traceback of Python the last one, as the message is its end. */
function lineOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines[0]?.startsWith("Traceback (") ? lines.at(-1) : lines[0];
  return (line ?? "").slice(0, MOST);
}
