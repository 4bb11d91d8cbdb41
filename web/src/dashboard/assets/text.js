// Texts, numbers and times as people read them, in the words of the command line (cli/src/live/amount.rs).

const LARGE = 1e15;
const COMMAS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Writes a number with commas between thousands, and with one decimal if it is small and no integer. */
export function amount(number) {
  const size = Math.abs(number);
  if (size >= LARGE) return number.toExponential(2).replace("e+", "e");
  if (size < 100 && !Number.isInteger(number)) return number.toFixed(1);
  return COMMAS.format(number);
}

/** Writes how fast a number grows. */
export function rate(aSecond) {
  if (aSecond >= 10) return `${amount(Math.round(aSecond))}/s`;
  if (aSecond >= 1) return `${aSecond.toFixed(1)}/s`;
  return `${amount(Math.round(Math.max(aSecond * 60, 1)))}/min`;
}

/** Writes a time in seconds with its two largest units, as `1 h 5 min`. */
export function duration(time) {
  const seconds = Math.max(0, Math.floor(time));
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit));
  if (days > 0) return two(days, "d", hours % 24, "h");
  if (hours > 0) return two(hours, "h", minutes % 60, "min");
  if (minutes > 0) return two(minutes, "min", seconds % 60, "s");
  return `${seconds} s`;
}

/** Writes a time in seconds of something that was measured: with decimals where it is short. */
export function measured(time) {
  if (time < 1) return `${Math.round(time * 1_000)} ms`;
  return time < 10 ? `${time.toFixed(1)} s` : duration(time);
}

/** Writes how long a run took. */
export function taken(time) {
  return time < 1 ? measured(time) : duration(time);
}

function two(first, unit, second, smaller) {
  return second === 0 ? `${first} ${unit}` : `${first} ${unit} ${second} ${smaller}`;
}

/** Writes how long ago a time was, with one unit. */
export function ago(time, now = Date.now()) {
  const seconds = (now - time) / 1_000;
  if (seconds < 5) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const ZONED = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** Writes the time of day. */
export function clock(time) {
  return CLOCK.format(time);
}

/** Writes date and time of day; the year only where it is another one. */
export function moment(time, now = Date.now()) {
  const isThisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return `${(isThisYear ? DAY : DATE).format(time)}, ${clock(time)}`;
}

/** Writes date and time of day, and of which time zone they are. */
export function exactMoment(time) {
  return `${DATE.format(time)}, ${ZONED.format(time)}`;
}

/** Writes the time of day, and before it the date where it is not today. */
export function recent(time, now = Date.now()) {
  return DATE.format(time) === DATE.format(now) ? clock(time) : moment(time, now);
}

/** Writes the plural where there is not one. */
export function counted(count, noun) {
  return `${amount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

// Control characters, and those that turn the direction of what follows: an id must not look like another one.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Writes characters that cannot be seen as escapes, as the command line does. */
export function printable(text) {
  return text.replace(UNSEEN, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Writes a key of metadata. One that would leave a gap is in quotation marks: the empty text is a key too. */
export function keyName(key) {
  return key.trim() === "" ? JSON.stringify(key) : printable(key);
}

/** Writes a text of several lines: the ends of lines stay. */
export function printableLines(text) {
  return text.replace(UNSEEN, (letter) => (letter === "\n" || letter === "\t" ? letter : printable(letter)));
}
