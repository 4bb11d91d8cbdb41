// JSON with exact numbers. Postgres keeps numbers as decimals; a number of JavaScript has 53 bits.

/** A number whose text is not what JavaScript would write for it, such as 9007199254740993 or 1.50. */
export class Exact {
  constructor(text, value) {
    this.text = text;
    this.value = value;
  }

  toJSON() {
    // Browsers that give the source of a number also know how to write it back.
    return JSON.rawJSON ? JSON.rawJSON(this.text) : this.value;
  }
}

/** Reads JSON; numbers that would lose digits become `Exact`, in browsers that give a number's source. */
export function parseExact(text) {
  return JSON.parse(text, (_key, value, context) => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    return String(value) === context.source ? value : new Exact(context.source, value);
  });
}

/** Returns a value as a number, if it is one. */
export function numberOf(value) {
  const number = value instanceof Exact ? value.value : value;
  // 1e400 is a number of JSON, and greater than any of JavaScript.
  return Number.isFinite(number) ? number : undefined;
}

/** Tells whether a value is an object of JSON. */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Exact);
}

/** Applies a merge patch (RFC 7396), and returns the result; the target stays as it is. */
export function mergePatch(target, patch) {
  if (!isObject(patch)) return patch;
  // Without a prototype, so that a key `__proto__` is a key like any other.
  const merged = Object.assign(Object.create(null), isObject(target) ? target : {});
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(Object.hasOwn(merged, key) ? merged[key] : undefined, value);
  }
  return merged;
}
