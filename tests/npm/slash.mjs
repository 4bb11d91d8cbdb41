// A run whose id must be encoded in paths, and a job that fails.
import { inRun, metadata } from "./runmeta.mjs";
import { print } from "./print.mjs";

const [id] = process.argv.slice(2);
await inRun({ id, task: "import" }, async () => {
  metadata.set("rows", 1);
  throw new Error("no such file");
}).catch((error) => print("failed", error.message));
