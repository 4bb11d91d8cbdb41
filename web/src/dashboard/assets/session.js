// The key or token of this browser tab. It is kept in the tab's sessionStorage alone, and sent in the Authorization header alone.

const NAME = "runmeta.key";

/** Takes a key from the fragment of the address, `#key=…`, which a browser never sends, and removes it from there. */
export function takeKeyFromAddress() {
  if (!location.hash.startsWith("#key=")) return;
  const text = location.hash.slice("#key=".length);
  history.replaceState(history.state, "", location.pathname + location.search);
  try {
    signIn(decodeURIComponent(text));
  } catch {
    signIn(text);
  }
}

/** Returns the key, or null. */
export function key() {
  return sessionStorage.getItem(NAME);
}

export function signIn(text) {
  sessionStorage.setItem(NAME, text.trim());
}

export function signOut() {
  sessionStorage.removeItem(NAME);
}

/** Returns what a token allows, by its own words; none for a secret key. Only the gateway checks it. */
export function scopes() {
  const [, payload, signature] = (key() ?? "").split(".");
  if (!payload || signature === undefined) return [];
  try {
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(claims.scopes) ? claims.scopes.filter((scope) => typeof scope === "string") : [];
  } catch {
    return [];
  }
}
