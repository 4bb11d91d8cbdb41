"""How many jobs a second procrastinate's worker does with its adapter's triggers disabled and enabled, alternately.

python procrastinate_speed.py JOBS ROUNDS
"""

import asyncio
import logging
import statistics
import sys
import time

import procrastinate
import psycopg

JOBS, ROUNDS = int(sys.argv[1]), int(sys.argv[2])
logging.disable(logging.CRITICAL)
app = procrastinate.App(connector=procrastinate.PsycopgConnector(max_size=12))


@app.task(name="nothing")
async def nothing():
    pass


async def measure(database, followed):
    # What the rounds before left would slow down this one more than those.
    await database.execute("VACUUM ANALYZE")
    for event in ["insert", "update", "delete"]:
        what = "ENABLE" if followed else "DISABLE"
        await database.execute(f"ALTER TABLE procrastinate_jobs {what} TRIGGER _runmeta_{event}")
    await nothing.batch_defer_async(*[{}] * JOBS)
    begun = time.monotonic()
    await app.run_worker_async(wait=False, install_signal_handlers=False, concurrency=10)
    seconds = time.monotonic() - begun
    while (await (await database.execute("SELECT EXISTS (SELECT FROM runmeta.transition)")).fetchone())[0]:
        pass
    return JOBS / seconds, 1000 * (time.monotonic() - begun - seconds)


async def main():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        database = await psycopg.AsyncConnection.connect(autocommit=True)
        await database.execute("SELECT runmeta.adapt('procrastinate')")
        await database.execute("SELECT count(*) FROM runmeta._worker_state()")
        bare, followed = [], []
        for index in range(ROUNDS):
            for is_followed in [False, True] if index % 2 == 0 else [True, False]:
                (followed if is_followed else bare).append(await measure(database, is_followed))
        without = statistics.median(speed for speed, _ in bare)
        with_adapter = statistics.median(speed for speed, _ in followed)
        behind = statistics.median(behind for _, behind in followed)
        print(f"{'procrastinate':18} {without:9.0f} {with_adapter:9.0f} {with_adapter / without:6.2f} {behind:9.0f}")


asyncio.run(main())
