import { AsyncLocalStorage } from "node:async_hooks";
import { apiClientManager, realtimeStreams, runMetadata, taskContext } from "@trigger.dev/core/v3";
import { StandardMetadataManager, StandardRealtimeStreamsManager } from "@trigger.dev/core/v3/workers";
import { metadata } from "@trigger.dev/sdk";

export { metadata };

const client = apiClientManager.clientOrThrow(); // of TRIGGER_API_URL and TRIGGER_SECRET_KEY
const runs = new AsyncLocalStorage();
const manager = () => runs.getStore()?.manager;

// The SDK knows one run a process. Each call goes to the run that it comes from instead, and outside a run it has no effect.
const family = (member) => {
  const calls = new Proxy({}, {
    get: (_, name) => (...values) => {
      const result = manager()?.[member][name](...values);
      return name === "stream" ? result : calls;
    },
  });
  return calls;
};
const members = { parent: family("parent"), root: family("root") };
runMetadata.setGlobalManager(new Proxy(members, {
  get: (_, name) => members[name] ?? ((...values) => manager()?.[name](...values)),
}));
// The SDK kept the parent and the root that it found when it was loaded, whichever module loaded it first.
Object.assign(metadata, members);
const newStreams = () => new StandardRealtimeStreamsManager(client, client.baseUrl);
const outside = newStreams();
realtimeStreams.setGlobalManager({
  pipe: (...values) => (runs.getStore()?.streams ?? outside).pipe(...values),
  append: (...values) => (runs.getStore()?.streams ?? outside).append(...values),
});
taskContext.setGlobalTaskContext({
  get ctx() {
    return runs.getStore()?.context;
  },
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

async function post(path, body = {}) {
  const response = await fetch(`${client.baseUrl}/v1/runs${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.TRIGGER_SECRET_KEY}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** Starts a run, does the job in it, and finishes the run. `run` is {id, attempt, task, parent, tags, metadata}, all but id optional. */
export async function inRun(run, job) {
  const { id, root_id, parent_id, attempt, metadata: document } = await post("", run);
  // The packages put it into paths as it is.
  const encoded = encodeURIComponent(id);
  const manager = new StandardMetadataManager(client);
  manager.runId = encoded;
  manager.runIdIsRoot = id === root_id;
  manager.enterWithMetadata(document);
  const context = {
    run: { id: encoded, parentTaskRunId: parent_id, rootTaskRunId: root_id, tags: run.tags ?? [], isTest: false },
    task: { id: run.task ?? "", filePath: "" },
    attempt: { number: attempt },
    queue: { id: "", name: "" },
    environment: { id: "", slug: "", type: "PRODUCTION" },
    organization: { id: "", slug: "", name: "" },
    project: { id: "", ref: "", slug: "", name: "" },
  };
  const streams = newStreams();
  manager.startPeriodicFlush(1000);
  let status = "failed";
  try {
    const result = await runs.run({ manager, streams, context }, job);
    while (streams.hasActiveStreams()) await pause();
    status = "completed";
    return result;
  } catch (error) {
    manager.set("error", String(error?.message ?? error));
    throw error;
  } finally {
    try {
      await lastFlush(manager);
    } finally {
      await post(`/${encoded}/finish`, { status, attempt });
    }
  }
}

async function lastFlush(manager) {
  // A flush while another one is under way sends nothing, and plans the next one when it ends.
  do await pause();
  while (manager.isFlushing);
  manager.stopPeriodicFlush();
  await manager.flush();
}
