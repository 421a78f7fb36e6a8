"""Who is worked for, who waits, and who is refused, when more is asked than can be done."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from starlette.types import Scope

from tradeapi.metrics import REQUESTS_SHED

PATIENCE_SECONDS = 0.2


class Rank(IntEnum):
    """Who goes first."""

    LOGIN = 0
    GENERAL = 1
    EXPORT = 2


# How many of the places they may take.
SHARES = {Rank.LOGIN: 1.0, Rank.GENERAL: 0.9, Rank.EXPORT: 0.5}


class Gate:
    """So many requests are worked on at once, and as many may wait for a moment. Of one rank the
    newest goes first: who has waited longest is likely to have given up.

    `rank` is None for what always comes in.
    """

    def __init__(self, places: int, rank: Callable[[Scope], Rank | None]) -> None:
        self.rank = rank
        self._places = places
        self._most = {rank: max(1, int(places * share)) for rank, share in SHARES.items()}
        self._taken = 0
        self._waiting: dict[Rank, deque[asyncio.Future[bool]]] = {rank: deque() for rank in Rank}
        self._coming = 0

    def admits(self, scope: Scope) -> bool:
        """Whether a request that has just arrived may come as far as to ask for a place.

        Whoever is refused here costs next to nothing, which is what lets the others be served.
        """
        if self._coming + self._taken + self._count_waiting() >= 2 * self._places:
            rank = self.rank(scope)
            if rank is not None and rank is not Rank.LOGIN:
                REQUESTS_SHED.labels("full").inc()
                return False
        if not self._coming:
            # By then they have asked.
            asyncio.get_running_loop().call_soon(self._forget_coming)
        self._coming += 1
        return True

    async def enter(self, rank: Rank) -> bool:
        """Whether it got a place, which is then to be left."""
        if self._taken < self._most[rank]:
            self._taken += 1
            return True
        if self._count_waiting() >= self._places:
            REQUESTS_SHED.labels("full").inc()
            return False
        if not await self._wait(self._waiting[rank]):
            REQUESTS_SHED.labels("late").inc()
            return False
        return True

    def leave(self) -> None:
        """Give the place to the next."""
        self._taken -= 1
        for rank, waiting in self._waiting.items():
            while waiting and self._taken < self._most[rank]:
                turn = waiting.pop()
                if not turn.done():
                    self._taken += 1
                    turn.set_result(True)
                    return

    def step_aside(self) -> None:
        """Leave for what may be no time at all: nobody is let in for it who waits."""
        self._taken -= 1

    def step_back(self) -> None:
        self._taken += 1

    async def _wait(self, waiting: "deque[asyncio.Future[bool]]") -> bool:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        waiting.append(turn)
        timer = loop.call_later(PATIENCE_SECONDS, _refuse, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise
        finally:
            timer.cancel()
            if turn in waiting:
                waiting.remove(turn)

    def _count_waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _forget_coming(self) -> None:
        self._coming = 0


def _refuse(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)
