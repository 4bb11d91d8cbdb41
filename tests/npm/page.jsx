import { useRealtimeRun, useRealtimeRunWithStreams } from "@trigger.dev/react-hooks";

export function Progress({ id, accessToken, baseURL }) {
  const { run, error } = useRealtimeRun(id, { accessToken, baseURL });
  if (error) return <p role="alert">{error.message}</p>;
  if (!run) return <p>Waiting for the run.</p>;
  return (
    <label>
      {run.status} <progress max={1} value={run.metadata?.progress ?? 0} />
    </label>
  );
}

export function Words({ id, accessToken, baseURL }) {
  const { streams } = useRealtimeRunWithStreams(id, { accessToken, baseURL });
  return <p id="words">{(streams.words ?? []).map(({ word }) => word).join(" ")}</p>;
}
