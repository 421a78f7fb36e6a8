"""The port of background work."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is to be done: at `run_at` in epoch seconds, or at once.

    Of two unfinished jobs with one `key` the second is not added. `payload` is JSON.
    """

    name: str
    payload: Mapping[str, object]
    key: str | None = None
    run_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a handler gets; `attempt` is 1 the first time."""

    id: str
    name: str
    payload: Mapping[str, Any]
    attempt: int


class Jobs(Protocol):
    async def enqueue(self, session: AsyncSession, *jobs: NewJob) -> None:
        """Have the jobs done once the session's transaction has committed, and never otherwise."""
        ...


# It may be called twice for one job.
Handler = Callable[[Job], Awaitable[None]]


class Later(Exception):
    """What a handler raises to be called again after so many seconds: nothing has failed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds
