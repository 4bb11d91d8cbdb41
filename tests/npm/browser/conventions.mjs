// The words and numbers of the dashboard are those of the command line: the cases of cli/src/live.
import assert from "node:assert/strict";
import { run } from "./dashboard.mjs";

await run(async (open) => {
  const page = await open("", { key: null });
  const found = (metadata) => page.evaluate(async (metadata) => (await import("/assets/draw/measure.js")).measures(metadata).measures.map(({ label, done, total }) => [label, done, total]), metadata);
  for (const metadata of [
    { totalRows: 200, processedRows: 50 },
    { total_rows: 200, rows_done: 50 },
    { rowsTotal: 200, rows: 50, other: 9 },
    { totalRows: 200, processedRows: 50, rows: 1, totalFiles: 3 },
  ]) {
    assert.deepEqual(await found(metadata), [["rows", 50, 200]], JSON.stringify(metadata));
  }
  assert.deepEqual(await found({ done: 3, total: 4 }), [["done", 3, 4]]);
  assert.deepEqual(await found({ upload: { current: 3, total: 4 } }), [["upload", 3, 4]]);
  const labels = (await found({ done: 1, total: 2, uploadProgress: 0.5, zip: { progress: 7 } })).map(([label]) => label);
  assert.deepEqual(labels, ["uploadProgress", "zip progress", "done"]);
  for (const metadata of [{ progress: "half" }, { done: 1, total: 0 }, { total: 10 }, { done: 1, total: "many" }, [1], null]) {
    assert.deepEqual(await found(metadata), [], JSON.stringify(metadata));
  }

  const written = (name, values) => page.evaluate(async ([name, values]) => values.map((await import("/assets/text.js"))[name]), [name, values]);
  assert.deepEqual(await written("amount", [0, 7, 99.96, 1_234.5, 3_376, -1_000_000, 1e300]), ["0", "7", "100.0", "1,235", "3,376", "-1,000,000", "1.00e300"]);
  assert.deepEqual(await written("rate", [1_013.4, 12, 2.34, 0.5, 0.0001]), ["1,013/s", "12/s", "2.3/s", "30/min", "1/min"]);
  assert.deepEqual(await written("duration", [0, 59, 60, 61, 3_600, 3_900, 90_061]), ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 5 min", "1 d 1 h"]);

  // Events in whatever pieces they come.
  const events = await page.evaluate(async () => {
    const { Frames } = await import("/assets/live/frames.js");
    const text = ": hello\n\nevent: change\r\nid: 7\r\ndata: {\"a\":\rdata: 1}\n\nretry: 50\n\ndata:x\n\n";
    return [1, 2, 3, 100].map((size) => {
      const frames = new Frames();
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g"));
      return pieces.flatMap((piece) => frames.push(piece)).map(({ event, data, id, retry }) => [event, data, id, retry ?? null]);
    });
  });
  for (const one of events) assert.deepEqual(one, [["change", '{"a":\n1}', "7", null], ["message", "", "7", 50], ["message", "x", "7", null]]);

  const merged = await page.evaluate(async () => {
    const { mergePatch, parseExact } = await import("/assets/json.js");
    const text = '{"a":{"b":9007199254740993,"c":1.50},"d":[1],"__proto__":1}';
    return JSON.stringify(mergePatch(parseExact(text), parseExact('{"a":{"c":null,"e":1e400},"d":{"f":2},"__proto__":{"g":3}}')));
  });
  assert.equal(merged, '{"a":{"b":9007199254740993,"e":1e400},"d":{"f":2},"__proto__":{"g":3}}');

  // A page reads runs and follows them at once: a change that an older state of the stream leads to arrives all the same.
  const states = await page.evaluate(async () => {
    const { Run } = await import("/assets/model.js");
    const run = new Run();
    const seen = () => [run.version, run.status, run.progress.first()?.done];
    const at = (version, done) => ({ id: "a", version, status: "running", created_at: "2026-01-01T00:00:00Z", metadata: { total: 3, done, text: "long" } });
    run.see(at(10, 2));
    run.snapshot(at(8, 1));
    const before = seen();
    const isTaken = run.change({ version: 12, from: 8, patch: { status: "completed", metadata: { done: 3 } } });
    const after = seen();
    run.see(at(11, 2));
    const isAnotherTaken = run.change({ version: 14, from: 13, patch: {} });
    run.gone();
    run.snapshot({ ...at(1, 0), created_at: "2026-01-01T00:00:09Z" });
    return { before, isTaken, after, isAnotherTaken, isGone: run.isGone, anew: seen() };
  });
  assert.deepEqual(states, { before: [10, "running", 2], isTaken: true, after: [12, "completed", 3], isAnotherTaken: false, isGone: false, anew: [1, "running", 0] });

  // Runs of one millisecond are in the gateway's order, which is that of their microseconds.
  const order = await page.evaluate(async () => {
    const [{ Run }, { comparison }] = await Promise.all([import("/assets/model.js"), import("/assets/runs/filter.js")]);
    const times = { b: ["00.123457Z", "01.123458Z"], c: ["00.123456Z", "01.123457Z"], a: ["00.12Z", "01.1234Z"], d: ["00Z", "01Z"] };
    const runs = Object.entries(times).map(([id, [created, finished]]) => {
      const at = (second) => `2026-01-01T00:00:${second}`;
      const run = new Run();
      run.see({ id, version: 1, status: "completed", created_at: at(created), started_at: at(created), finished_at: at(finished) });
      return run;
    });
    return ["-created", "created", "finished", "duration"].map((sort) => runs.toSorted(comparison(sort)).map(({ id }) => id).join(""));
  });
  assert.deepEqual(order, ["bcad", "dacb", "dacb", "dbca"]);

  // Streams that the metadata names are looked for at once, and once.
  const looks = await page.evaluate(async () => {
    const { Streams } = await import("/assets/run/streams.js");
    let count = 0;
    window.fetch = async () => {
      count += 1;
      return new Response('{"streams": []}');
    };
    const streams = new Streams("a");
    const counts = [{ $$streams: [] }, { $$streams: ["words"] }, { $$streams: ["words"], done: 1 }, { $$streams: ["words", "tokens"] }].map((metadata) => {
      streams.see(metadata);
      return count;
    });
    streams.close();
    return counts;
  });
  assert.deepEqual(looks, [1, 2, 2, 3]);
});
