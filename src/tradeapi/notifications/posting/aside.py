"""Work that may take longer than a job may keep others waiting: it goes on beside the jobs."""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack
from typing import Self

import anyio
import structlog

from tradeapi.jobs.port import Later

# Most answers come in less.
PATIENCE_SECONDS = 0.5
# By then whatever was begun is over, also in another process.
AGAIN_SECONDS = 25.0
MOST = 500

_log = structlog.get_logger("tradeapi.notifications")

# In how many seconds it is to be done again; None: it is over.
Work = Callable[[], Awaitable[float | None]]


class Aside:
    """A job waits for its work for a moment only; then it comes back for what became of it.

    So those who do the jobs are never all waiting for servers that are slow, or dead. What is cut
    off in the middle, because the process ends, is done again by the job. Use as `async with`.
    """

    def __init__(self, *, patience: float = PATIENCE_SECONDS, with_slow: float = 0) -> None:
        self._patience = patience
        self._with_slow = with_slow
        self._under_way: set[Hashable] = set()
        self._tasks = anyio.create_task_group()
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._resources.enter_async_context(self._tasks)
        self._resources.callback(self._tasks.cancel_scope.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    async def do(self, key: Hashable, work: Work, *, is_slow: bool = False) -> None:
        """Raises Later while it is under way, and where it is to be done again; and whatever it
        raises itself, as long as somebody waits for it.
        """
        if key in self._under_way or len(self._under_way) >= MOST:
            raise Later(AGAIN_SECONDS)
        doing = _Doing(work)
        self._under_way.add(key)
        self._tasks.start_soon(self._do, key, doing)
        with anyio.move_on_after(self._with_slow if is_slow else self._patience):
            await doing.done.wait()
        doing.finish()

    async def _do(self, key: Hashable, doing: "_Doing") -> None:
        try:
            await doing.run()
        finally:
            self._under_way.discard(key)


class _Doing:
    def __init__(self, work: Work) -> None:
        self.done = anyio.Event()
        self._work = work
        self._again: float | None = AGAIN_SECONDS
        self._error: Exception | None = None
        self._is_left = False

    async def run(self) -> None:
        try:
            self._again = await self._work()
        except Later as later:
            self._again = later.seconds
        except Exception as error:  # noqa: BLE001  it is raised where somebody waits for it
            self._error = error
            if self._is_left:
                # The job does it again.
                _log.warning("notifications.not_sent", error=repr(error))
        self.done.set()

    def finish(self) -> None:
        self._is_left = True
        if self._error is not None:
            raise self._error
        if self._again is not None:
            raise Later(self._again)
