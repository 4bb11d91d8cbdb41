// Whether what the page shows is live: one state for all event streams that it reads.

/** A stream that comes back within this time was never stale: gateways hand their streams over when they stop. */
const GRACE = 1_500;

class Connection extends EventTarget {
  #channels = new Set();
  #lostAt = null;
  #timer;

  /** Adds a stream. */
  channel() {
    const channel = new Channel(() => this.#changed());
    this.#channels.add(channel);
    return channel;
  }

  /** Returns the state: { kind: "none" | "connecting" | "live" | "stale", since, next } with times in milliseconds. */
  get state() {
    const channels = [...this.#channels];
    if (channels.length === 0) return { kind: "none" };
    if (this.#lostAt !== null && Date.now() - this.#lostAt >= GRACE) {
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
    const lost = [...this.#channels].map((channel) => channel.lostAt).filter((time) => time !== null);
    this.#lostAt = lost.length ? Math.min(...lost) : null;
    clearTimeout(this.#timer);
    if (this.#lostAt !== null) {
      const grace = this.#lostAt + GRACE - Date.now();
      if (grace > 0) this.#timer = setTimeout(() => this.dispatchEvent(new Event("change")), grace);
    }
    this.dispatchEvent(new Event("change"));
  }
}

class Channel {
  isLive = false;
  isClosed = false;
  /** When it was lost, or first failed; null while it is live, and until then. */
  lostAt = null;
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
    this.#changed();
  }

  lost(next) {
    this.isLive = false;
    this.lostAt ??= Date.now();
    this.next = next;
    this.#changed();
  }

  close() {
    this.isClosed = true;
    this.#changed();
  }
}

export const connection = new Connection();
