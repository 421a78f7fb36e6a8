"""A process of its own that does jobs: `python -m tests.jobs.clerk URL`; each leaves a row."""

import sys

import anyio

from tests.jobs.office import at_work
from tradeapi.database import Database, raw
from tradeapi.jobs import runner
from tradeapi.jobs.port import Job


async def main(url: str) -> None:
    # Long enough for a busy machine to be in time, short enough to wait for.
    runner.HEARTBEAT_SECONDS = 4.0
    async with Database(url) as database:

        async def write(job: Job) -> None:
            async with database.transaction() as session:
                await (await raw(session)).execute(
                    "INSERT INTO notes VALUES ($1)", job.payload["number"]
                )
            await anyio.sleep(0.05)

        async with at_work(database, {"note": write}):
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
