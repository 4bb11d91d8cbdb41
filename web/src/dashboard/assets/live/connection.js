// Whether what the page shows is live: one state for all event streams that it reads, and for requests that get no answer (waiting.js).

/** A stream that comes back within this time was never stale: gateways hand their streams over when they stop. */
const GRACE = 1_500;

class Connection extends EventTarget {
  #channels = new Set();
  #lostAt = null;
  #graceFrom = null;
  #timer;
  #isBlocked = false;

  /** Whether requests get no answer, as if no connection were free. */
  set isBlocked(isBlocked) {
    if (this.#isBlocked === isBlocked) return;
    this.#isBlocked = isBlocked;
    this.dispatchEvent(new Event("change"));
  }

  /** Adds a stream. */
  channel() {
    const channel = new Channel(() => this.#changed());
    this.#channels.add(channel);
    return channel;
  }

  /** Returns the state: { kind: "none" | "connecting" | "live" | "stale" | "blocked", since, next } with times in milliseconds. */
  get state() {
    if (this.#isBlocked) return { kind: "blocked" };
    const channels = [...this.#channels];
    if (channels.length === 0) return { kind: "none" };
    if (this.#lostAt !== null && Date.now() - this.#graceFrom >= GRACE) {
      const nexts = channels.map((channel) => channel.next).filter((next) => next !== null);
      return { kind: "stale", since: this.#lostAt, next: nexts.length ? Math.min(...nexts) : null };
    }
    if (this.#lostAt !== null || channels.every((channel) => channel.isLive)) return { kind: "live" };
    return { kind: "connecting" };
  }

  /** Has all streams that wait try again now. */
  retry() {
    for (const channel of this.#channels) channel.retry?.();
  }

  #changed() {
    for (const channel of this.#channels) if (channel.isClosed) this.#channels.delete(channel);
    const lost = [...this.#channels].filter((channel) => channel.lostAt !== null);
    this.#lostAt = lost.length ? Math.min(...lost.map((channel) => channel.lostAt)) : null;
    this.#graceFrom = Math.min(...lost.map((channel) => channel.graceFrom));
    clearTimeout(this.#timer);
    if (this.#lostAt !== null) {
      const grace = this.#graceFrom + GRACE - Date.now();
      if (grace > 0 && grace < Infinity) this.#timer = setTimeout(() => this.dispatchEvent(new Event("change")), grace);
    }
    this.dispatchEvent(new Event("change"));
  }
}

class Channel {
  isLive = false;
  isClosed = false;
  /** When it was lost, or first failed; null while it is live, and until then. */
  lostAt = null;
  /** From when on the time without it counts: a page that nobody sees needs none. */
  graceFrom = null;
  /** When it is tried again. */
  next = null;
  retry = null;
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  connecting() {
    this.next = null;
    this.#changed();
  }

  live() {
    this.isLive = true;
    this.lostAt = null;
    this.graceFrom = null;
    this.#changed();
  }

  lost(next) {
    this.isLive = false;
    this.lostAt ??= Date.now();
    this.graceFrom ??= Date.now();
    this.next = next;
    this.#changed();
  }

  /** It is given back while nobody sees the page. */
  asleep() {
    if (this.isLive) this.lostAt = Date.now();
    this.isLive = false;
    this.graceFrom = Infinity;
    this.next = null;
    this.#changed();
  }

  woke() {
    this.graceFrom = Date.now();
    this.#changed();
  }

  close() {
    this.isClosed = true;
    this.#changed();
  }
}

export const connection = new Connection();
