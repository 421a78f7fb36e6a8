"""Counts that end by themselves, in Redis for all processes or else in this one."""

from contextlib import suppress
from math import ceil
from time import time

from limits.aio.storage import RedisStorage

from tradeapi.auth.counts import Counts
from tradeapi.redis import Away, Redis

PREFIX = "tradeapi:logins"


class Counters:
    """While Redis is away each process counts for itself."""

    def __init__(self, redis: Redis | None) -> None:
        self._own = Counts()
        self._shared = _Shared(redis) if redis is not None else None

    async def increase(self, key: str, seconds: float) -> int:
        """The new count; the first one lets `seconds` begin, after which it is zero again."""
        if self._shared is not None:
            try:
                return await self._shared.increase(key, seconds)
            except Away:
                pass
        return self._own.increase(key, seconds)

    async def read(self, key: str) -> tuple[int, float]:
        """The count, and in how many seconds it ends."""
        if self._shared is not None:
            try:
                return await self._shared.read(key)
            except Away:
                pass
        return self._own.read(key)

    async def clear(self, key: str) -> None:
        self._own.clear(key)
        if self._shared is not None:
            with suppress(Away):
                await self._shared.clear_key(key)


class _Shared(RedisStorage):
    """Raises Away."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(
            "redis://",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=redis.pool,  # type: ignore[arg-type]  # its docstring has it
        )
        self._redis = redis

    async def increase(self, key: str, seconds: float) -> int:
        return await self._redis.ask(self.incr, key, ceil(seconds))

    async def read(self, key: str) -> tuple[int, float]:
        count = await self._redis.ask(self.get, key)
        if not count:
            return 0, 0.0
        # Of Redis it comes as an instant.
        return count, max(0.0, await self._redis.ask(self.get_expiry, key) - time())

    async def clear_key(self, key: str) -> None:
        await self._redis.ask(self.clear, key)
