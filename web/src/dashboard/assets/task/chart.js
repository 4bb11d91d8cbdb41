// Figures over time as a picture, with a table of the same figures for whoever does not see it.

import { el, freshId, svg } from "../dom.js";
import { moment } from "../text.js";

const HEIGHT = 180;
/** Pixels of a digit beside the picture, a little more than it has. */
const DIGIT = 6.8;
const BOTTOM = 24;
const TOP = 10;

const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export class Chart {
  #title;
  #kind;
  #buckets = [];
  #hours = 24;
  #series;
  #format;
  #picture = svg("svg", { class: "picture", role: "img" });
  #table = el("table", { class: "figures" });
  #legend = el("ul", { class: "legend", "aria-hidden": "true" });

  /** `kind` is "bars", of which those of one time stand on each other, or "lines"; a series has the name of a figure, and what it is in words. */
  constructor(title, kind, series, format) {
    this.#title = title;
    this.#kind = kind;
    this.#series = series;
    this.#format = format;
    // It is drawn before its figures arrive, and has a name from the beginning.
    this.#picture.setAttribute("aria-label", title);
    // The picture is drawn as wide as it is shown, so that its words have the size of others.
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
    const id = freshId("chart");
    this.#legend.append(...series.map(([name, words]) => el("li", { "data-series": name }, words)));
    this.element = el(
      "section",
      { class: "card chart", "aria-labelledby": id },
      el("header", {}, el("h2", { id }, title), this.#legend),
      this.#picture,
      el("details", {}, el("summary", {}, "As a table"), el("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": `${title} as a table` }, this.#table)),
    );
  }

  /** Shows figures: buckets in the order of their times, of so many hours. */
  show(buckets, hours) {
    this.#buckets = buckets;
    this.#hours = hours;
    this.#picture.setAttribute("aria-label", this.#summary(buckets));
    this.#showTable(buckets);
    this.#draw();
  }

  #draw() {
    const buckets = this.#buckets;
    const width = Math.max(this.#picture.clientWidth, 200);
    this.#picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const sums = buckets.map((bucket) => this.#series.map(([name]) => value(bucket, name) ?? 0));
    const tops = sums.map((values) => (this.#kind === "bars" ? values.reduce((a, b) => a + b, 0) : Math.max(...values)));
    const top = (this.#kind === "bars" ? roundCount : roundTime)(Math.max(0, ...tops));
    const y = (number) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - number / top);
    const ticks = [0, 0.5, 1].map((part) => ({ at: y(top * part), text: part === 0 ? "0" : this.#format(top * part) }));
    const left = 8 + DIGIT * Math.max(...ticks.map(({ text }) => text.length));
    const step = (width - left) / Math.max(buckets.length, 1);
    const x = (index) => left + index * step;
    const lines = ticks.flatMap(({ at, text }) => [
      svg("line", { class: "grid", x1: left, x2: width, y1: at, y2: at }),
      svg("text", { class: "tick", x: left - 8, y: at + 4, "text-anchor": "end" }, text),
    ]);
    const draw = this.#kind === "bars" ? bars : curves;
    this.#picture.replaceChildren(...lines, ...times(buckets, this.#hours, x, step, width), ...draw(buckets, this.#series, x, y, step), ...this.#hints(buckets, x, step));
  }

  #summary(buckets) {
    const parts = this.#series.map(([name, words]) => {
      const values = buckets.map((bucket) => value(bucket, name)).filter((one) => one !== null);
      if (values.length === 0) return `${words}: nothing`;
      if (this.#kind === "bars") return `${words}: ${this.#format(values.reduce((a, b) => a + b, 0))} in all`;
      return `${words}: ${this.#format(Math.min(...values))} to ${this.#format(Math.max(...values))}`;
    });
    return `${this.#title}. ${parts.join("; ")}.`;
  }

  /** The figures of a time, for the pointer. */
  #hints(buckets, x, step) {
    return buckets.map((bucket, index) => {
      const figures = this.#series.map(([name, words]) => `${words} ${this.#written(value(bucket, name))}`);
      const title = svg("title", {}, [moment(Date.parse(bucket.at)), ...figures].join("\n"));
      return svg("rect", { class: "hint-area", x: x(index), y: 0, width: step, height: HEIGHT - BOTTOM }, title);
    });
  }

  #written(figure) {
    return figure === null ? "–" : this.#format(figure);
  }

  #showTable(buckets) {
    const rows = buckets.map((bucket) =>
      el("tr", {}, el("th", { scope: "row" }, moment(Date.parse(bucket.at))), ...this.#series.map(([name]) => el("td", { class: "number" }, this.#written(value(bucket, name))))),
    );
    const headings = this.#series.map(([, words]) => el("th", { scope: "col", class: "number" }, words));
    this.#table.replaceChildren(el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Time"), ...headings)), el("tbody", {}, ...rows.reverse()));
  }
}

function bars(buckets, series, x, y, step) {
  const gap = Math.min(2, step / 4);
  return buckets.flatMap((bucket, index) => {
    let below = 0;
    return series.map(([name]) => {
      const number = value(bucket, name) ?? 0;
      const from = below;
      below += number;
      const height = y(from) - y(below);
      return svg("rect", { "data-series": name, x: x(index) + gap / 2, width: Math.max(step - gap, 0.5), y: y(below), height: Math.max(height, 0), rx: Math.min(1.5, height / 2) });
    });
  });
}

function curves(buckets, series, x, y, step) {
  return series.flatMap(([name]) => {
    // Where there is no figure, there is no line.
    const parts = [];
    let part = [];
    buckets.forEach((bucket, index) => {
      const number = value(bucket, name);
      if (number === null) part = [];
      else {
        if (part.length === 0) parts.push(part);
        part.push([x(index) + step / 2, y(number)]);
      }
    });
    return parts.flatMap((points) => [
      svg("polyline", { "data-series": name, points: points.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" ") }),
      ...(points.length === 1 ? [svg("circle", { "data-series": name, cx: points[0][0], cy: points[0][1], r: 2 })] : []),
    ]);
  });
}

/** Writes times below the picture: about five of them. */
function times(buckets, hours, x, step, width) {
  const every = Math.max(1, Math.ceil(buckets.length / Math.floor(width / 90)));
  const write = hours > 48 ? DAY : HOUR;
  return buckets
    .map((bucket, index) => [bucket, index])
    .filter(([, index]) => index % every === 0 && x(index) < width - 40)
    .map(([bucket, index]) => svg("text", { class: "tick", x: x(index) + step / 2, y: HEIGHT - 6, "text-anchor": index === 0 ? "start" : "middle" }, write.format(Date.parse(bucket.at))));
}

/** The figure of a bucket, or null. */
function value(bucket, name) {
  return typeof bucket[name] === "number" ? bucket[name] : null;
}

/** Returns a round count that is not less; an even one, as half of it is written too. */
function roundCount(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
  const round = [1, 2, 4, 5, 10].map((digit) => digit * power).find((one) => one >= number);
  return Math.max(2, round + (round % 2));
}

/** Seconds that read well, and their halves too. */
const TIMES = [0.01, 0.02, 0.1, 0.2, 1, 2, 4, 10, 20, 60, 120, 240, 600, 1_200, 3_600, 7_200, 14_400, 43_200, 86_400, 172_800];

/** Returns a round time in seconds that is not less. */
function roundTime(seconds) {
  return TIMES.find((one) => one >= seconds) ?? Math.ceil(seconds / 172_800) * 172_800;
}
