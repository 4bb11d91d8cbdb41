// The streams of a run: a list, and the chunks of those that are open, which follow.

import { address, get } from "../api.js";
import { el, setText } from "../dom.js";
import { follow } from "../live/follow.js";
import { counted, printable, printableLines } from "../text.js";

/**
 * New streams are looked for at this interval, in milliseconds. A stream is not part of its run: to append to one changes neither the
 * run's version nor its metadata, so no event of the run tells of it, except for Trigger.dev's packages, which name theirs there.
 */
const LOOK = 4_000;

/** The key under which they do. */
const NAMED = "$$streams";

/** Letters of a stream that are kept on the page. */
const KEPT = 200_000;

export class Streams {
  element = el("section", { class: "card streams", hidden: true }, el("header", {}, el("h2", {}, "Streams")));
  #run;
  #known = new Map();
  #abort = new AbortController();
  #timer;

  constructor(run) {
    this.#run = run;
    this.#look();
  }

  /** Takes the metadata of the run, and looks at once if it names streams that are not known. */
  see(metadata) {
    const names = metadata[NAMED];
    if (!Array.isArray(names) || names.length === this.#named) return;
    this.#named = names.length;
    if (names.some((name) => !this.#known.has(name))) this.#look();
  }

  #named = 0;

  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
    for (const stream of this.#known.values()) stream.close();
  }

  async #look() {
    clearTimeout(this.#timer);
    if (document.visibilityState === "visible") {
      try {
        const { streams } = await get(["runs", this.#run, "streams"], {}, { signal: this.#abort.signal });
        for (const stream of streams) this.#add(stream);
      } catch {
        // The next look may succeed.
      }
    }
    clearTimeout(this.#timer);
    if (!this.#abort.signal.aborted) this.#timer = setTimeout(() => this.#look(), LOOK);
  }

  #add(about) {
    const { name } = about;
    if (!this.#known.has(name)) {
      const stream = new Stream(this.#run, name);
      this.#known.set(name, stream);
      this.element.append(stream.element);
      this.element.hidden = false;
      // A browser has six connections for a host: one stream follows by itself, the others when they are opened.
      if (this.#known.size === 1) stream.element.open = true;
    }
    this.#known.get(name).about(about);
  }
}

class Stream {
  #run;
  #name;
  #text = el("pre", { class: "stream", tabindex: "0" });
  #about = el("span", { class: "hint" });
  #end = el("p", { class: "hint" });
  #following = null;
  #isOver = false;
  #count = 0;

  constructor(run, name) {
    this.#run = run;
    this.#name = name;
    this.#text.setAttribute("aria-label", `Stream ${printable(name)}`);
    this.element = el("details", {}, el("summary", {}, el("span", { class: "stream-name" }, printable(name)), this.#about), this.#text, this.#end);
    this.element.addEventListener("toggle", () => (this.element.open ? this.#open() : this.#pause()));
  }

  /** Takes what the list of streams has about it. */
  about({ chunks, closed }) {
    this.#isClosed = closed;
    this.#said = Math.max(this.#said, chunks);
    this.#showAbout();
  }

  #isClosed = false;
  #said = 0;

  #showAbout() {
    const count = Math.max(this.#count, this.#said);
    setText(this.#about, `${counted(count, "chunk")}${this.#isClosed || this.#isOver ? ", closed" : ""}`);
  }

  close() {
    this.#following?.close();
  }

  #open() {
    if (this.#following !== null || this.#isOver) return;
    const after = this.#count > 0 ? this.#count - 1 : undefined;
    this.#following = follow(address(["runs", this.#run, "streams", this.#name], { after }), {
      message: (data, id) => this.#chunk(data, id),
      end: (data) => this.#ended(data),
      over: (problem) => problem && setText(this.#end, problem.message),
    });
  }

  #pause() {
    this.#following?.close();
    this.#following = null;
  }

  #chunk(data, id) {
    const number = Number(id);
    // What was read already comes again where a gateway does not know `after`.
    if (number < this.#count) return;
    this.#count = number + 1;
    const chunk = JSON.parse(data);
    const isAtEnd = this.#text.scrollTop + this.#text.clientHeight >= this.#text.scrollHeight - 8;
    // Texts follow each other, as on the command line; anything else has a line of its own.
    this.#text.append(typeof chunk === "string" ? printableLines(chunk) : `${data}\n`);
    if (this.#text.childNodes.length > 500) this.#text.normalize();
    const first = this.#text.firstChild;
    if (first.length > KEPT) first.deleteData(0, first.length - KEPT);
    if (isAtEnd) this.#text.scrollTop = this.#text.scrollHeight;
    this.#showAbout();
  }

  #ended(data) {
    this.#isOver = true;
    const { error } = JSON.parse(data) ?? {};
    setText(this.#end, error ? `Closed with an error: ${printable(typeof error === "string" ? error : JSON.stringify(error))}` : "");
    this.#showAbout();
  }
}
