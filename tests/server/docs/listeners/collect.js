import assert from 'node:assert'

const shown = new Map()

// Takes a change and tells whether all runs are shown in their last state.
function collect({ id, version, ...run }) {
  if (version === null) {
    shown.delete(id)
    return false
  }
  // A run that was deleted and started anew begins again.
  assert(id === 'reborn' || version >= (shown.get(id)?.version ?? 0n), `${id}: ${shown.get(id)?.version}, ${version}`)
  shown.set(id, { version, ...run })
  const root = shown.get('never finished')
  return shown.size === root?.metadata.runs && [...shown.values()].every((run) => run === root || run.finished_at)
}

function print() {
  for (const [id, { version, attempt, status, finished_at, metadata }] of shown) {
    console.log(JSON.stringify([id, Number(version), attempt, status, finished_at, metadata]))
  }
}
