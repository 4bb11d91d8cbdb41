// Writes a stream and reads it.
import { apiClientManager, realtimeStreams } from "@trigger.dev/core/v3";
import { StandardRealtimeStreamsManager } from "@trigger.dev/core/v3/workers";
import { print } from "./print.mjs";

const client = apiClientManager.clientOrThrow();
realtimeStreams.setGlobalManager(new StandardRealtimeStreamsManager(client, client.baseUrl));
const { runs, streams } = await import("@trigger.dev/sdk");

const [what, id, key, argument] = process.argv.slice(2);
const done = {
  async pipe() {
    async function* parts() {
      for (let part = 0; part < Number(argument); part++) {
        yield { part };
        if (part % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    }
    const { stream, waitUntilComplete } = streams.pipe(key, parts(), { target: id });
    let count = 0;
    for await (const _ of stream) count++;
    await waitUntilComplete();
    print("piped", count);
  },
  async append() {
    await streams.append(key, argument, { target: id });
    print("appended", argument);
  },
  async read() {
    const options = argument ? { startIndex: Number(argument) } : {};
    for await (const part of await streams.read(id, key, options)) print("part", part);
    print("ended", true);
  },
  async fetchStream() {
    for await (const part of await runs.fetchStream(id, key)) print("part", part);
    print("ended", true);
  },
  async withStreams() {
    for await (const part of runs.subscribeToRun(id).withStreams()) {
      print(part.type, part.type === "run" ? part.run.metadata : part.chunk);
      // The package does not end it.
      if (part.type === "run" && part.run.finishedAt) break;
    }
    print("ended", true);
  },
};
await done[what]();
process.exit();
