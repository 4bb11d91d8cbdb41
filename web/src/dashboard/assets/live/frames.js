// The text of an event stream, as HTML's standard defines it.

/** Splits text into events, in whatever pieces it arrives. */
export class Frames {
  #rest = "";
  #event = "";
  #data = [];
  #id;
  #retry;

  /** Takes a piece, and returns the events that end in it: { event, data, id, retry }. */
  push(text) {
    // A carriage return at the end may be the first half of a line's end.
    const all = this.#rest + text;
    const held = all.endsWith("\r") ? 1 : 0;
    const lines = all.slice(0, all.length - held).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + (held ? "\r" : "");
    return lines.map((line) => this.#line(line)).filter(Boolean);
  }

  #line(line) {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.#retry = Number(value);
    return undefined;
  }

  #end() {
    const isEmpty = this.#data.length === 0 && this.#event === "" && this.#retry === undefined;
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id, retry: this.#retry };
    this.#event = "";
    this.#data = [];
    this.#retry = undefined;
    return isEmpty ? undefined : event;
  }
}
