"""How many requests callers have made, in Redis for all processes or else in this one.

Counted is with two windows, the one before weighed by how much of it is still within a minute. A
fixed window lets twice as many pass where two meet, and one that moves keeps the time of every
request, of which a limit may allow thousands: this keeps two numbers. The library can do it in
either store; but in memory it looks through all callers at each request, and of Redis it asks twice
for one answer.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from math import ceil, floor
from time import time
from typing import Any, NamedTuple

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.bridge import RedisBridge

from tradeapi.metrics import LIMIT_FALLBACKS
from tradeapi.redis import Away, Redis

PREFIX = "tradeapi:limits"
# Redis answers nobody else meanwhile.
MOST_TOGETHER = 64
# The library's two scripts, one after the other, for each limit of each request in turn.
SCRIPT = """
local function acquire(KEYS, ARGV)
{acquire}
end
local function look(KEYS, ARGV)
{look}
end
local is_within
local windows = {{}}
for i = 1, #KEYS / 2 do
  local keys = {{KEYS[2 * i - 1], KEYS[2 * i]}}
  local is_first, amount, seconds = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  is_within = (is_first == "1" or is_within) and acquire(keys, {{amount, seconds, 1}})
  windows[i] = {{is_within and 1 or 0, unpack(look(keys, {{seconds}}))}}
end
return windows
"""


class Hit(NamedTuple):
    """One request against one limit; `caller` is whoever shares it."""

    policy: str
    caller: str
    item: RateLimitItem

    @property
    def key(self) -> str:
        # Without the amount: who changes a limit gives nobody a new one.
        return f"{self.policy}/{self.caller}"


class Standing(NamedTuple):
    """What is left of a limit, and in how many seconds there will be more."""

    policy: str
    is_within: bool
    remaining: int
    seconds: int


class Window(NamedTuple):
    """Two counts, each with the seconds until the store forgets it: the current one lasts twice."""

    previous: int
    previous_lasts: float
    current: int
    current_lasts: float


def standing(hit: Hit, window: Window, *, is_within: bool) -> Standing:
    period = hit.item.get_expiry()
    used = floor(window.previous * window.previous_lasts / period) + window.current
    seconds = window.current_lasts - period
    if window.previous:
        # Each of its requests stops to count some time on the way.
        seconds = min(seconds, window.previous_lasts % (period / window.previous))
    return Standing(
        hit.policy, is_within, max(0, hit.item.amount - used), min(max(1, ceil(seconds)), period)
    )


class Counts:
    """While Redis is away each process counts for itself, logins too."""

    def __init__(self, redis: Redis | None) -> None:
        self._shared = _Together(redis) if redis is not None else None
        self._own = MemoryCounts()

    async def take(self, hits: Sequence[Hit]) -> list[Standing]:
        """Count a request against its limits, until one of them is spent."""
        if self._shared is not None:
            try:
                return await self._shared.take(hits)
            except Away:
                LIMIT_FALLBACKS.inc()
        return await self._own.take(hits)


class _Request:
    """One of those that are counted together.

    Its `turn` comes when it has been asked about, with standings or in vain, or when it is to ask.
    """

    __slots__ = ("hits", "is_asked", "standings", "turn")

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits
        self.is_asked = False
        self.standings: list[Standing] | None = None
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Together:
    """Asks Redis one question at a time, for all requests that have come meanwhile.

    Most of what a question costs is not for what is in it: the busier, the cheaper each request.
    Whoever comes when nobody asks does so; then the first of those that wait does.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._counts = RedisCounts(redis)
        self._waiting: list[_Request] = []
        self._is_asking = False

    async def take(self, hits: Sequence[Hit]) -> list[Standing]:
        """Raises Away."""
        request = _Request(hits)
        self._waiting.append(request)
        if self._is_asking:
            await self._wait(request)
        if not request.is_asked:
            await self._ask(request)
        if request.standings is None:
            raise Away
        return request.standings

    async def _wait(self, request: _Request) -> None:
        try:
            await request.turn
        except asyncio.CancelledError:
            if not request.is_asked:
                self._waiting.remove(request)
                if not request.turn.cancelled():
                    # It was to ask.
                    self._pass_on()
            raise

    async def _ask(self, request: _Request) -> None:
        """For this one and those that wait with it."""
        self._is_asking = True
        asked, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        for one in asked:
            one.is_asked = True
        try:
            answers = await self._redis.ask(self._counts.take, [one.hits for one in asked])
        except asyncio.CancelledError:
            # Only who has asked for them all gives up.
            self._ask_again([one for one in asked if one is not request])
            raise
        except Exception:
            self._come(asked)
            raise
        else:
            for one, standings in zip(asked, answers, strict=True):
                one.standings = standings
            self._come(asked)
        finally:
            self._pass_on()

    def _ask_again(self, requests: list[_Request]) -> None:
        for request in requests:
            request.is_asked = False
        self._waiting = requests + self._waiting

    @staticmethod
    def _come(requests: list[_Request]) -> None:
        for request in requests:
            if not request.turn.done():
                request.turn.set_result(None)

    def _pass_on(self) -> None:
        """To the first that has not given up as well."""
        staying = [one for one in self._waiting if not one.turn.cancelled()]
        self._is_asking = bool(staying)
        self._come(staying[:1])


class RedisCounts(RedisStorage):
    """One question to Redis for all limits of several requests; the time is that of Redis, too."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(
            "redis://",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=redis.pool,  # type: ignore[arg-type]  # its docstring has it
        )
        self._script = redis.client.register_script(
            SCRIPT.format(
                acquire=RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode(),
                look=RedisBridge.SCRIPT_SLIDING_WINDOW.decode(),
            )
        )

    async def take(self, requests: Sequence[Sequence[Hit]]) -> list[list[Standing]]:
        keys: list[str] = []
        arguments: list[int] = []
        for hits in requests:
            for place, hit in enumerate(hits):
                key = self.bridge.prefixed_key(hit.key)
                keys += (self._previous_window_key(key), self._current_window_key(key))
                arguments += (int(place == 0), hit.item.amount, hit.item.get_expiry())
        answers = iter(await self._script(keys, arguments))
        return [[_shared(hit, *next(answers)) for hit in hits] for hits in requests]


class MemoryCounts(MemoryStorage):
    """Between two awaits of its own the library lets nobody else in: its counts are exact."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: deque[tuple[float, str]] = deque()

    async def take(self, hits: Sequence[Hit]) -> list[Standing]:
        is_within = True
        standings = []
        for hit in hits:
            most, seconds = hit.item.amount, hit.item.get_expiry()
            is_within = is_within and await self.acquire_sliding_window_entry(
                hit.key, most, seconds
            )
            window = Window(*await self.get_sliding_window(hit.key, seconds))
            standings.append(standing(hit, window, is_within=is_within))
        return standings

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """As the library's, which then looks through all keys for those that have ended."""
        now = time()
        if key not in self.expirations:
            self.expirations[key] = now + expiry
            self._ends.append((now + expiry, key))
        self._forget(now)
        self.storage[key] += amount
        return self.storage[key]

    def _forget(self, now: float) -> None:
        # They end in the order in which they began. Two for each one that is new: never many.
        for _ in range(2):
            if not self._ends or self._ends[0][0] > now:
                return
            _, key = self._ends.popleft()
            self.storage.pop(key, None)
            self.expirations.pop(key, None)


def _shared(hit: Hit, is_within: int, *counts: Any) -> Standing:  # noqa: ANN401  of Redis
    return standing(hit, _window(*counts), is_within=bool(is_within))


def _window(
    previous: bytes | None, previous_lasts: int, current: bytes | None, current_lasts: int
) -> Window:
    """What Redis says: in milliseconds, and below zero where there is nothing."""
    return Window(
        int(previous or 0),
        max(0, previous_lasts) / 1000,
        int(current or 0),
        max(0, current_lasts) / 1000,
    )
