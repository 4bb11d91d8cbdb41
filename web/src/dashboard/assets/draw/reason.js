// Why a run failed, in a line: its metadata's `error`, a text or an object with a message.

import { isObject } from "../json.js";

/** Letters that are kept of it. */
const MOST = 300;

const cut = (text) => text.slice(0, MOST);

/** Keeps of an error, or of a merge patch of it, what the line is made of. `kept` is what else is kept of it. */
export function keptError(error, kept) {
  if (typeof error === "string") return cut(error);
  if (!isObject(error) || typeof error.message !== "string") return kept;
  return { ...kept, message: cut(error.message) };
}

/** Returns the first line that says something; the empty text if there is none. */
export function reasonOf({ error }) {
  const text = isObject(error) ? error.message : error;
  if (typeof text !== "string") return "";
  return text.split("\n").find((line) => line.trim() !== "")?.trim().slice(0, MOST) ?? "";
}
