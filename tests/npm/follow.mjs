import { configure, runs } from "@trigger.dev/sdk";

configure({ baseURL: process.env.TRIGGER_API_URL, accessToken: process.env.TRIGGER_SECRET_KEY });

for await (const part of runs.subscribeToRun("import").withStreams()) {
  if (part.type === "words") console.log(part.chunk.word);
  if (part.type === "run" && part.run.finishedAt) break; // it does not end by itself
}
