"""Requests counted in Redis, for all processes."""

import asyncio
from collections.abc import Sequence
from typing import Any

from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.bridge import RedisBridge

from tradeapi.redis import Away, Redis
from tradeapi.web.standing import Hit, Standing, Window, standing

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


class Together:
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
