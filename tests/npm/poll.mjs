// Waits for runs by asking again and again.
import { runs } from "@trigger.dev/sdk";
import { print } from "./print.mjs";

print("polling", true);
for (const id of process.argv.slice(2)) {
  const { status, isCompleted, metadata } = await runs.poll(id, { pollIntervalMs: 20 });
  print(id, { status, isCompleted, metadata });
}
