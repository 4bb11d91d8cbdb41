// Lists runs page by page. The argument is the query.
import { runs } from "@trigger.dev/sdk";
import { print } from "./print.mjs";

const query = JSON.parse(process.argv[2]);
let page = await runs.list(query);
const pages = [];
for (;;) {
  pages.push(page.data.map((run) => run.id));
  if (!page.hasNextPage()) break;
  page = await page.getNextPage();
}
print("pages", pages);
if (page.hasPreviousPage()) {
  page = await page.getPreviousPage();
  print("before", page.data.map((run) => run.id));
}
const all = [];
for await (const run of runs.list(query)) all.push(run.id);
print("all", all);
