"""Reads of very much, a few of them at once: whoever asks for many waits, and nobody else does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import wraps
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from anyio import CapacityLimiter
from fastapi import Request

from tradeapi.web.principal import principal_of
from tradeapi.web.proxies import caller_key

# Each takes a thread for a while, some memory, and a share of the event loop between.
AT_ONCE = 4
OF_ONE_CALLER = 2

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class LargeReads:
    """AT_ONCE in all, OF_ONE_CALLER of each: half of them is left to others."""

    def __init__(self) -> None:
        self._all = CapacityLimiter(AT_ONCE)
        # Those that nobody waits at are gone.
        self._callers = WeakValueDictionary[Hashable, CapacityLimiter]()

    @asynccontextmanager
    async def turn(self, caller: Hashable) -> AsyncIterator[None]:
        """Wait for it."""
        own = self._callers.get(caller)
        if own is None:
            own = self._callers[caller] = CapacityLimiter(OF_ONE_CALLER)
        async with own, self._all:
            yield


def in_turn(
    route: Callable[Parameters, Awaitable[Answer]],
) -> Callable[Parameters, Awaitable[Answer]]:
    """For a route that reads much where it is asked for `max_points`: then it takes its turn.

    The route takes its `request`.
    """

    @wraps(route)
    async def waiting(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        # FastAPI passes all by name.
        request = kwargs["request"]
        assert isinstance(request, Request)  # noqa: S101  the route asks for it
        if "max_points" not in request.query_params:
            return await route(*args, **kwargs)
        async with turn(request):
            return await route(*args, **kwargs)

    return waiting


def turn(request: Request) -> AbstractAsyncContextManager[None]:
    """That of whoever asks."""
    large_reads: LargeReads = request.state.large_reads
    client = request.client.host if request.client else None
    return large_reads.turn(principal_of(request.scope).user or caller_key(client))
