"""A process that does jobs, and what it was called with."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from tradeapi.clock import Clock, SystemClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Cron, Handler, Job, Jobs, NewJob
from tradeapi.jobs.runner import Runner


class Diary:
    """A handler that writes down what it is called for."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def __call__(self, job: Job) -> None:
        self.jobs.append(job)

    def has(self, number: int) -> bool:
        return number in self.numbers

    @property
    def numbers(self) -> list[int]:
        return [job.payload["number"] for job in self.jobs]


@asynccontextmanager
async def at_work(
    database: Database,
    handlers: Mapping[str, Handler],
    crons: Sequence[Cron] = (),
    clock: Clock | None = None,
) -> AsyncIterator[Jobs]:
    clock = clock or SystemClock()
    jobs = jobs_of(database, clock)
    async with Runner(jobs, handlers, crons, database, clock).running():
        yield jobs


def noted(number: int, key: str | None = None, run_at: float | None = None) -> NewJob:
    return NewJob(name="note", payload={"number": number}, key=key, run_at=run_at)
