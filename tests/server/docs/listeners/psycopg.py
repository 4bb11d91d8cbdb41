from datetime import datetime

shown = {}
for change in watch_until_finished("never finished"):
    id, version = change[:2]
    if version is None:
        del shown[id]
        continue
    # A run that was deleted and started anew begins again.
    assert id == "reborn" or id not in shown or version >= shown[id][1], (id, version, shown[id])
    shown[id] = change
    root = shown.get("never finished")
    if root and len(shown) == root[5].get("runs") and all(run[4] for run in shown.values() if run is not root):
        break
for run in shown.values():
    print(json.dumps(run, default=datetime.isoformat))
