// Follows one run, or all with a tag, or those of a batch, and prints each state that arrives.
import { runs } from "@trigger.dev/sdk";
import { print } from "./print.mjs";

const [kind, id, until] = process.argv.slice(2);
const subscribe = {
  run: () => runs.subscribeToRun(id),
  tag: () => runs.subscribeToRunsWithTag(id.split(",")),
  batch: () => runs.subscribeToBatch(id),
};
print("subscribed", id);
for await (const run of subscribe[kind]()) {
  const { id, status, metadata, tags, isCompleted, finishedAt } = run;
  print("state", { id, status, metadata, tags, isCompleted, finished: finishedAt instanceof Date });
  if (metadata?.stop === until && until !== undefined) break;
}
print("ended", true);
process.exit();
