"""Background jobs: how they are asked for, who does them, and what becomes of them.

A job is written in the transaction of what it is about: both commit, or neither does. It is done at
least once, by any process that plays the role, and again when the process that was at it has died.
A handler that fails is called again after a while, and again; then the job is kept as a dead letter
until an operator decides.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pgqueuer.ports import RepositoryPort
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is to be done; `payload` is JSON, `run_at` in epoch seconds, or at once.

    Of two unfinished jobs with one key, and one that runs is unfinished, the second is not added.
    """

    name: str
    payload: Mapping[str, object]
    key: str | None = None
    run_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a handler gets; `attempt` is 1 the first time.

    `is_last_try`: if it fails once more, it is given up.
    """

    id: str
    name: str
    payload: Mapping[str, Any]
    attempt: int
    is_last_try: bool = False


# Called at least once for each job: what it does twice must be as if it were done once. While it
# waits for others it holds no session, for many wait at once.
Handler = Callable[[Job], Awaitable[None]]


class Later(Exception):
    """Raised by a handler: call it again then, with the next attempt. It has not failed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Work for each tick of five fields in UTC, such as `*/5 * * * *`: once, over all processes.

    The latest tick that nobody was there for is made up for. While the work of one tick is
    unfinished the next ones are left out.
    """

    name: str
    expression: str
    work: Callable[[], Awaitable[object]]


# With this the names of crons' jobs begin. They do not wait behind a crowd of others.
CRON = "cron:"


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """`due`: since when the first of them is, or until when none is."""

    name: str
    state: State
    jobs: int
    due: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A job that was given up, without its payload, which may hold secrets."""

    id: str
    name: str
    key: str | None
    attempts: int
    error: str
    created_at: float


class Jobs(Protocol):
    """All is done in the caller's transaction."""

    async def enqueue(self, session: AsyncSession, *jobs: NewJob) -> None:
        """Have these done once the transaction has committed, and never otherwise."""
        ...

    async def counts(self, session: AsyncSession) -> Sequence[Count]: ...

    async def dead_letters(
        self, session: AsyncSession, *, before: str | None = None, limit: int
    ) -> Sequence[DeadLetter]:
        """The newest first, those older than the one with the id `before`."""
        ...

    async def requeue(self, session: AsyncSession, ids: Sequence[str] | None) -> int:
        """Have these dead letters, or all, done as if they were new; how many there were.

        They have lost their keys, for others may have them by now.
        """
        ...

    async def discard(self, session: AsyncSession, id: str) -> bool:
        """Whether there was that dead letter."""
        ...

    def broker(self) -> AbstractAsyncContextManager[RepositoryPort]:
        """Where a runner takes jobs from, and says what became of them."""
        ...

    async def tidy(self) -> None:
        """Forget what nobody asks for any more; once an hour."""
        ...
