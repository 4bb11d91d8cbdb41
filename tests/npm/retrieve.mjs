// Reads runs in every way but a subscription.
import { runs } from "@trigger.dev/sdk";
import { print, refused } from "./print.mjs";

for (const id of process.argv.slice(2)) {
  await refused(id, runs.retrieve(id));
}
