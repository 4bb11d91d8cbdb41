// Why a run failed: its metadata's `error`, a text or an object with a message.

import { el, setText } from "../dom.js";
import { LongText } from "../draw/long.js";
import { isObject } from "../json.js";
import { printable } from "../text.js";

/** Names under which languages and frameworks keep where an error came from. */
const STACKS = ["stack", "stackTrace", "stack_trace", "stacktrace", "traceback", "trace"];

const isText = (value) => typeof value === "string" && value.trim() !== "";

export class ErrorCard {
  #name = el("span", { class: "error-name" });
  #message = el("p", { class: "error-message" });
  #stack = el("pre", { class: "error-stack" });
  #texts = [new LongText(this.#message), new LongText(this.#stack)];
  element = el("section", { class: "card error", hidden: true }, el("header", {}, el("h2", {}, "Error"), this.#name), this.#message, this.#stack);

  /** Shows the error of a run that has failed; of any other, nothing. */
  show(run) {
    const found = run.state === "failed" ? errorOf(run.metadata.error) : undefined;
    this.element.hidden = found === undefined;
    if (found === undefined) return;
    const { name, message, stack } = found;
    setText(this.#name, printable(name));
    // A text of several lines is a trace.
    this.#message.classList.toggle("trace", message.trim().includes("\n"));
    this.#show(0, this.#message, message);
    this.#show(1, this.#stack, stack);
  }

  #show(index, place, text) {
    place.hidden = text === "";
    this.#texts[index].show(text);
  }
}

/** Returns the parts of an error, each a text that may be empty; undefined if there is none. */
function errorOf(error) {
  if (isText(error)) return { name: "", message: error, stack: "" };
  if (!isObject(error)) return undefined;
  const of = (names) => error[names.find((name) => Object.hasOwn(error, name) && isText(error[name]))] ?? "";
  const [name, message, stack] = [of(["name", "type", "code"]), of(["message"]), of(STACKS)];
  return message || stack ? { name, message, stack: withoutHead(stack, name, message) } : undefined;
}

/** Returns a trace without the message that stands above it: JavaScript's begin with name and message. */
function withoutHead(stack, name, message) {
  const heads = [`${name}: ${message}`, message].map((head) => head.trim());
  const head = heads.find((one) => one !== "" && (stack === one || stack.startsWith(`${one}\n`)));
  return head === undefined ? stack : stack.slice(head.length).replace(/^\n/, "");
}
