import { configure, runs } from "@trigger.dev/sdk";

configure({ baseURL: process.env.TRIGGER_API_URL, accessToken: process.env.TRIGGER_SECRET_KEY });

const run = await runs.retrieve("import");
console.log(run.status, run.metadata.rows);

for await (const state of runs.subscribeToRun("import")) {
  console.log(state.status, state.metadata.progress);
} // ends when the run has finished
