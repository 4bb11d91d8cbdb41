// Counts for a run and for its parent, a flush for each. The arguments are the run and how often.
import { apiClientManager } from "@trigger.dev/core/v3";
import { StandardMetadataManager } from "@trigger.dev/core/v3/workers";
import { print } from "./print.mjs";

const [id, times] = process.argv.slice(2);
const manager = new StandardMetadataManager(apiClientManager.clientOrThrow());
manager.runId = id;
manager.enterWithMetadata({});
// Wait less between the attempts: there are 5 either way.
const retry = { retry: { minTimeoutInMs: 10, maxTimeoutInMs: 50 } };
for (let count = 1; count <= Number(times); count++) {
  manager.increment("count", 1).append("log", count);
  manager.parent.increment("count", 1);
  await manager.flush(retry);
  print("flushed", count);
}
