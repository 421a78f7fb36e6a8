"""Counts that end by themselves, in Redis for all processes or else in this one."""

from collections.abc import Awaitable, Callable
from math import ceil
from time import time
from typing import TypeVar

from limits.aio.storage import MemoryStorage, RedisStorage, Storage

from tradeapi.redis import Away, Redis

Answer = TypeVar("Answer")

PREFIX = "tradeapi:logins"


class Counters:
    """While Redis is away each process counts for itself."""

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._own = MemoryStorage()
        self._shared = (
            RedisStorage(
                "redis://",
                implementation="redispy",
                key_prefix=PREFIX,
                connection_pool=redis.pool,  # type: ignore[arg-type]
            )
            if redis is not None
            else None
        )

    async def increase(self, key: str, seconds: float) -> int:
        """The new count; the first one lets `seconds` begin, after which it is zero again."""
        return await self._ask(lambda store: store.incr(key, ceil(seconds)))

    async def read(self, key: str) -> tuple[int, float]:
        """The count, and in how many seconds it ends."""
        count = await self._ask(lambda store: store.get(key))
        if not count:
            return 0, 0.0
        return count, max(0.0, await self._ask(lambda store: store.get_expiry(key)) - time())

    async def clear(self, key: str) -> None:
        await self._ask(lambda store: store.clear(key))

    async def _ask(self, question: Callable[[Storage], Awaitable[Answer]]) -> Answer:
        if self._redis is not None and self._shared is not None:
            try:
                return await self._redis.ask(question, self._shared)
            except Away:
                pass
        return await question(self._own)
