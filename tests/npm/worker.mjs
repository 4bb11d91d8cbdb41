import { metadata } from "@trigger.dev/sdk";
import { inRun } from "./runmeta.mjs";

async function importRows(rows) {
  metadata.set("status", "importing").set("user", { name: "Eric" });
  for (const [index, row] of rows.entries()) {
    metadata.increment("rows", 1).append("log", `row ${row}`).set("progress", (index + 1) / rows.length);
    metadata.parent.increment("rows", 1);
    metadata.root.append("log", `${row} was imported`);
  }
  metadata.decrement("left", rows.length).remove("log", "row b").del("status");
  await metadata.stream("words", words());
}

async function* words() {
  for (const word of ["one", "two", "three"]) yield { word };
}

await inRun({ id: "nightly", task: "nightly" }, async () => {
  metadata.set("rows", 0);
  await metadata.flush();
  await inRun({ id: "import", task: "import", parent: "nightly", metadata: { left: 5 } }, () => importRows(["a", "b", "c"]));
  await metadata.refresh();
  console.log(`${metadata.get("rows")} rows`);
});
