"""Short commands to Redis: one that is dead, or hangs, costs its callers a moment and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import ParamSpec, Self, TypeVar

import structlog

from tradeapi.errors import NotStarted

PATIENCE_SECONDS = 0.1
CONNECT_SECONDS = 0.25
REST_SECONDS = 2.0
# The library's own pool that waits for a free connection costs half as much again as a command.
CONNECTIONS = 16
CLUSTER = "cluster=true"

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_log = structlog.get_logger("tradeapi.redis")


class Away(Exception):
    """Redis does not answer, or did not a moment ago: go on without it."""


class Redis:
    """Once it has failed it is left alone for two seconds; then one caller tries it for all.

    Nothing is repeated: the library does so ten times, and a caller would wait for a minute. What
    blocks, or waits for messages, needs a client of its own, with more patience. Raises NotStarted
    for a URL that is none.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE_SECONDS) -> None:
        # Whoever has no Redis need not have its 7 MB either.
        from redis.asyncio import ConnectionPool  # noqa: PLC0415
        from redis.asyncio import Redis as Client  # noqa: PLC0415
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            self.pool = ConnectionPool.from_url(
                url,
                # The newer one is for messages that nobody here has asked for.
                protocol=2,
                socket_timeout=patience,
                socket_connect_timeout=max(patience, CONNECT_SECONDS),
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            # That error quotes the URL, which may hold a password.
            raise NotStarted("REDIS_URL: must be redis://:PASSWORD@HOST:PORT/NUMBER") from None
        self.client = Client(connection_pool=self.pool)
        self._failures = (RedisError, OSError)
        self._patience = patience
        self._places = asyncio.Semaphore(CONNECTIONS)
        # Zero while it is there.
        self._rests_until = 0.0

    async def __aenter__(self) -> Self:
        """Opens nothing yet: we start without Redis, too."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose(close_connection_pool=True)

    async def ask(
        self,
        command: Callable[Arguments, Awaitable[Answer]],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        """The answer to a command on `client` or on `pool`; raises Away."""
        await self._take_place()
        try:
            self._check_rest()
            answer = await command(*args, **kwargs)
        except self._failures as error:
            raise self._fail(error) from error
        finally:
            self._places.release()
        if self._rests_until:
            self._rests_until = 0.0
            _log.info("redis.back")
        return answer

    async def ping(self) -> None:
        """Raises Away."""
        await self.ask(self.client.execute_command, "PING")

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError as error:
            raise self._fail(error) from error

    def _check_rest(self) -> None:
        if not self._rests_until:
            return
        now = monotonic()
        if now < self._rests_until:
            raise Away
        # The others go on without it until this one knows more.
        self._rests_until = now + REST_SECONDS

    def _fail(self, error: Exception) -> Away:
        if not self._rests_until:
            _log.warning("redis.away", error=f"{type(error).__name__}: {error}")
        self._rests_until = monotonic() + REST_SECONDS
        return Away()


def without_cluster(url: str) -> tuple[str, bool]:
    """The URL without `cluster=true`, and whether that was in it."""
    address, _, query = url.partition("?")
    options = query.split("&")
    others = "&".join(option for option in options if option != CLUSTER)
    return f"{address}?{others}" if others else address, CLUSTER in options
