// Requests to the gateway.

import { parseExact } from "./json.js";
import { answered } from "./live/waiting.js";
import { key, signOut } from "./session.js";

/** Where the API is: beside the page, whatever a proxy puts before both. */
const API = new URL("v1/", document.baseURI);

/** An answer that is an error, in the form of RFC 9457. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? `the gateway answered with status ${status}`);
    this.status = status;
    this.detail = body.detail;
    this.hint = body.hint;
  }
}

/** Tells whether a request that failed so may succeed later: the gateway or its database is away, or the key has asked too often. */
export function mayPass({ status }) {
  return status === undefined || status >= 500 || status === 429 || status === 408;
}

/** Returns the address of a part of the API: texts between slashes, and parameters, of which empty ones are left out. */
export function address(parts, parameters = {}) {
  const url = new URL(parts.map(encodeURIComponent).join("/"), API);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

/** Sends a request with the key; a key that is refused is forgotten, and the page asks for another one. */
export async function send(url, options = {}) {
  const used = key();
  const headers = { ...options.headers, Authorization: `Bearer ${used}` };
  const response = await answered(fetch(url, { cache: "no-store", credentials: "omit", ...options, headers }));
  if (response.ok) return response;
  const problem = new Problem(response.status, await bodyOf(response));
  if (problem.status === 401 && key() === used) {
    signOut();
    dispatchEvent(new CustomEvent("signed-out", { detail: problem }));
  }
  throw problem;
}

/** Reads JSON. */
export async function get(parts, parameters, { signal, exact = false } = {}) {
  const response = await send(address(parts, parameters), { signal });
  return exact ? parseExact(await response.text()) : response.json();
}

async function bodyOf(response) {
  try {
    return (await response.json()) ?? {};
  } catch {
    return {};
  }
}
