"""procrastinate and its worker, disturbed: jobs fail at random, are cancelled, aborted and tried again while they work, and
the worker is killed. Each attempt counts three rows. The program ends when no job is left.

python procrastinate_race.py JOBS [worker]
"""

import asyncio
import datetime
import os
import random
import subprocess
import sys
import threading

import procrastinate
from procrastinate.exceptions import JobAborted
import psycopg

JOBS = int(sys.argv[1])
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'race worker'"
STALLED = "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND (worker_id IS NULL OR worker_id = ANY(%s::bigint[]))"
app = procrastinate.App(connector=procrastinate.PsycopgConnector(max_size=8))
retry = procrastinate.RetryStrategy(max_attempts=2, wait=0)


async def work(context):
    for _ in range(3):
        await app.connector.execute_query_async(
            "SELECT runmeta.increment(%(run)s, 'rows')", run=f"procrastinate:{context.job.id}"
        )
    await asyncio.sleep(random.random() * 0.008)
    if random.random() < 0.25:
        raise ValueError("boom")


@app.task(name="plain", retry=retry, pass_context=True)
async def plain(context):
    await work(context)


@app.task(name="patient", retry=retry, pass_context=True)
async def patient(context):
    if context.should_abort():
        raise JobAborted
    await work(context)


async def serve():
    async with app.open_async():
        await app.run_worker_async(
            install_signal_handlers=False,
            concurrency=4,
            fetch_job_polling_interval=0.05,
            abort_job_polling_interval=0.05,
            update_heartbeat_interval=0.3,
        )


def start():
    return subprocess.Popen(
        [sys.executable, __file__, str(JOBS), "worker"],
        env={**os.environ, "PGAPPNAME": "race worker"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def disturb(database, job):
    chance = random.random()
    try:
        if chance < 0.5:
            await app.job_manager.cancel_job_by_id_async(job, abort=random.random() < 0.6)
        elif chance < 0.6:
            # Not one that is worked on: two attempts would count at once.
            failed = await database.execute("SELECT FROM procrastinate_jobs WHERE id = %s AND status = 'failed'", [job])
            if failed.rowcount:
                await app.job_manager.retry_job_by_id_async(job, retry_at=datetime.datetime.now(datetime.timezone.utc))
    except procrastinate.exceptions.ConnectorException:
        pass  # one that has finished, for instance


async def drive():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        database = await psycopg.AsyncConnection.connect(autocommit=True)
        await database.execute("""SELECT runmeta.adapt('procrastinate', metadata => '{"rows": 0}')""")
        jobs = [await (plain if job % 2 else patient).defer_async() for job in range(JOBS)]

        async def count(query):
            return (await (await database.execute(query)).fetchone())[0]

        worker, killed, kills, dead = start(), 0, max(1, JOBS // 300), []
        while True:
            await asyncio.sleep(0.04)
            await disturb(database, random.choice(jobs))
            finished = await count("SELECT count(*) FROM runmeta.run WHERE finished_at IS NOT NULL")
            if killed < kills and finished > JOBS * (killed + 1) / (kills + 2):
                worker.kill()
                worker.wait()
                # What it has sent already may still come: not behind the next attempt.
                while await count(SESSIONS):
                    await asyncio.sleep(0.005)
                dead += await count("SELECT array_agg(id) FROM procrastinate_workers")
                killed += 1
                worker = start()
            # Not by their heartbeat: on a busy machine that of a worker that lives may be late.
            stalled = await database.execute(STALLED, [dead])
            for (job,) in await stalled.fetchall():
                await app.job_manager.retry_job_by_id_async(job, retry_at=datetime.datetime.now(datetime.timezone.utc))
            left = await count("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")
            if killed == kills and left == 0:
                break
        worker.kill()
        print(f"killed {killed}")


if sys.argv[2:] == ["worker"]:
    # It ends with the program that started it.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    asyncio.run(serve())
else:
    asyncio.run(drive())
