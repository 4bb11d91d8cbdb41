// The page of a run: how far it is, its family, its logs and streams, its metadata and times. All of it follows.

import { pageAddress, runAddress, taskAddress } from "../address.js";
import { address } from "../api.js";
import { announce, el, setText } from "../dom.js";
import { Bar } from "../draw/bar.js";
import { Status } from "../draw/status.js";
import { eachSecond } from "../draw/time.js";
import { parseExact } from "../json.js";
import { follow } from "../live/follow.js";
import { Run } from "../model.js";
import { showProblem, showReading } from "../problem.js";
import { copyButton, literal } from "../sql.js";
import { duration, printable, taken } from "../text.js";
import { DocumentTree } from "./document.js";
import { ErrorCard } from "./error.js";
import { Facts } from "./facts.js";
import { Family } from "./family.js";
import { Log, logKeys } from "./log.js";
import { Streams } from "./streams.js";

export class RunPage {
  #id;
  #run = null;
  #stream;
  #seconds;
  #timer = null;
  #status = new Status();
  #elapsed = el("span", { class: "elapsed" });
  #crumbs = el("nav", { class: "crumbs", "aria-label": "Family" });
  #tags = el("div", { class: "tags" });
  #bars = el("ul", { class: "bars card", "aria-label": "Progress" });
  #barsByLabel = new Map();
  #logs = el("div", { class: "logs" });
  #logsByKey = new Map();
  #error = new ErrorCard();
  #facts = new Facts();
  #document;
  #family;
  #streams;
  #content;
  #message = el("div", { class: "message", hidden: true });
  #main;

  constructor(main, parameters) {
    this.#main = main;
    this.#open(parameters.get("id") ?? "");
  }

  /** Shows the run of another address. */
  update(parameters) {
    const id = parameters.get("id") ?? "";
    if (id === this.#id) return;
    this.close();
    this.#run = null;
    this.#status = new Status();
    this.#barsByLabel.clear();
    this.#logsByKey.clear();
    for (const place of [this.#bars, this.#logs, this.#crumbs, this.#tags, this.#message]) place.replaceChildren();
    this.#main.replaceChildren();
    this.#open(id);
    this.#main.querySelector("h1").focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  close() {
    this.#stream.close();
    this.#family.close();
    this.#streams.close();
    this.#seconds();
    clearTimeout(this.#timer);
  }

  #open(id) {
    this.#id = id;
    this.title = printable(id);
    const sql = () => `SELECT * FROM runmeta.live_run WHERE id = ${literal(id)};`;
    this.#document = new DocumentTree(id);
    this.#error = new ErrorCard();
    this.#facts = new Facts();
    this.#family = new Family(id);
    this.#streams = new Streams(id);
    const copyMetadata = () => JSON.stringify(this.#run?.metadata ?? {}, null, 2);
    this.#content = el(
      "div",
      { class: "run-columns", hidden: true },
      el("div", { class: "column" }, this.#bars, this.#family.element, this.#logs, this.#streams.element),
      el(
        "div",
        { class: "column" },
        this.#facts.element,
        el("section", { class: "card" }, el("header", {}, el("h2", {}, "Metadata"), copyButton("Copy JSON", copyMetadata)), this.#document.element),
      ),
    );
    this.#main.append(
      this.#crumbs,
      el("div", { class: "title-line run-title" }, el("h1", { tabindex: "-1" }, printable(id)), this.#status.element, this.#elapsed, copyButton("Copy as SQL", sql)),
      this.#tags,
      this.#message,
      this.#error.element,
      this.#content,
    );
    this.#follow();
    this.#seconds = eachSecond(() => this.#draw());
  }

  #follow() {
    this.#message.hidden = true;
    if (this.#run === null) showReading(this.#message);
    this.#stream = follow(address(["runs", this.#id, "events"], { keep_open: "true" }), {
      snapshot: (data) => this.#snapshot(parseExact(data)),
      change: (data) => this.#change(parseExact(data)),
      gone: () => {
        this.#run?.gone();
        this.#drawSoon();
      },
      over: (problem) => problem && showProblem(this.#message, problem, () => this.#follow()),
    });
  }

  #snapshot(object) {
    if (this.#run === null) {
      this.#run = new Run(true);
      this.#run.snapshot(object);
      this.#message.hidden = true;
      this.#content.hidden = false;
      this.#family.start(this.#run.root);
      this.#draw();
    } else {
      this.#seen(() => this.#run.snapshot(object));
    }
    this.#family.see(object);
  }

  #change(change) {
    if (this.#run === null) return;
    this.#seen(() => this.#run.change(change) || this.#stream.restart());
    this.#family.see(this.#run.object);
  }

  #seen(take) {
    const { status } = this.#run;
    take();
    if (this.#run.status !== status) announce(`${printable(this.#id)}: ${printable(this.#run.status)}`);
    this.#drawSoon();
  }

  /** Draws in the next tenth of a second: a run may change a thousand times in one. */
  #drawSoon() {
    this.#timer ??= setTimeout(() => this.#draw(), 100);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const run = this.#run;
    if (run === null) return;
    this.#status.show(run);
    const elapsed = run.elapsed();
    setText(this.#elapsed, elapsed === null ? "" : run.isOver ? taken(elapsed) : duration(elapsed));
    this.#drawHead(run);
    this.#drawBars(run);
    this.#facts.show(run);
    if (this.#drawn === run.object) return;
    this.#drawn = run.object;
    this.#streams.see(run.metadata);
    this.#drawLogs(run.metadata);
    this.#error.show(run);
    // It is at the top of the page.
    this.#document.show(run.metadata, this.#error.element.hidden ? null : "error");
  }

  #drawn = null;

  #drawHead(run) {
    if (this.#crumbs.dataset.of === run.id) return;
    this.#crumbs.dataset.of = run.id;
    const between = run.parent !== null && run.parent !== run.root ? [run.parent] : [];
    const above = run.parent === null ? [] : [run.root, ...between];
    const links = above.map((id) => el("li", {}, el("a", { class: "run-id", href: runAddress(id) }, printable(id))));
    this.#crumbs.replaceChildren(el("ol", {}, el("li", {}, el("a", { href: pageAddress("runs") }, "Runs")), ...links));
    const task = run.task === null ? "" : el("a", { class: "task", href: taskAddress(run.task) }, printable(run.task));
    const tags = run.tags.map((tag) => el("a", { class: "tag", href: pageAddress("runs", { tag, roots: "false" }) }, printable(tag)));
    this.#tags.replaceChildren(task, ...tags);
  }

  #drawBars(run) {
    const measures = run.progress.all();
    this.#bars.hidden = measures.length === 0;
    const labels = new Set(measures.map(({ label }) => label));
    for (const [label, { item }] of this.#barsByLabel) {
      if (labels.has(label)) continue;
      item.remove();
      this.#barsByLabel.delete(label);
    }
    for (const measure of measures) {
      if (!this.#barsByLabel.has(measure.label)) {
        const bar = new Bar();
        const item = el("li", {}, el("span", { class: "bar-label" }, printable(measure.label)), bar.element);
        this.#barsByLabel.set(measure.label, { bar, item });
        this.#bars.append(item);
      }
      this.#barsByLabel.get(measure.label).bar.show(measure, run.state);
    }
  }

  #drawLogs(metadata) {
    const keys = logKeys(metadata);
    for (const [key, log] of this.#logsByKey) {
      if (keys.includes(key)) continue;
      log.element.remove();
      this.#logsByKey.delete(key);
    }
    for (const key of keys) {
      if (!this.#logsByKey.has(key)) {
        this.#logsByKey.set(key, new Log(key));
        this.#logs.append(this.#logsByKey.get(key).element);
      }
      this.#logsByKey.get(key).show(metadata[key]);
    }
  }
}
