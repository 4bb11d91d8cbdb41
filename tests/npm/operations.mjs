// Applies operations of a worker to one run, flush by flush. The argument is a list of lists such as [["set", "a", 1]].
import { apiClientManager } from "@trigger.dev/core/v3";
import { StandardMetadataManager } from "@trigger.dev/core/v3/workers";
import { print } from "./print.mjs";

const [id, flushes, first] = process.argv.slice(2);
const manager = new StandardMetadataManager(apiClientManager.clientOrThrow());
manager.runId = id;
manager.enterWithMetadata(JSON.parse(first ?? "{}"));
for (const operations of JSON.parse(flushes)) {
  for (const [name, ...values] of operations) {
    const [target, method] = name.includes(".") ? name.split(".") : [null, name];
    (target ? manager[target] : manager)[method](...values);
  }
  await manager.flush();
  print("current", manager.current());
}
await manager.refresh();
print("refreshed", manager.current());
