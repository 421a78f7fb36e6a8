"""Who is worked for, who waits, and who is refused, when more is asked than can be done."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from starlette.types import Scope

from tradeapi.metrics import REQUESTS_SHED

PATIENCE_SECONDS = 0.2
# How many may wait for each place: in a rush, and in one that does not end.
RUSH, CROWD = 15, 0.25

_FULL, _LATE = REQUESTS_SHED.labels("full"), REQUESTS_SHED.labels("late")


class Rank(IntEnum):
    """Who goes first."""

    LOGIN = 0
    GENERAL = 1
    EXPORT = 2


# How many of the places they may take.
SHARES = {Rank.LOGIN: 1.0, Rank.GENERAL: 0.9, Rank.EXPORT: 0.5}


class Gate:
    """So many requests are worked on at once, and others may wait for a moment. Of one rank the
    newest goes first: who has waited longest is likely to have given up. When no place has been
    left free for longer than anyone would wait, more is asked than can be done, and of those who
    come then most are not even let wait.

    `rank` is None for what always comes in.
    """

    def __init__(self, places: int, rank: Callable[[Scope], Rank | None]) -> None:
        self.rank = rank
        self._places = places
        self._crowd = max(1, int(places * CROWD))
        self._least_crowd = places + self._crowd
        self._most = {rank: max(1, int(places * share)) for rank, share in SHARES.items()}
        self._taken = 0
        self._waiters = 0
        self._waiting: dict[Rank, deque[asyncio.Future[bool]]] = {rank: deque() for rank in Rank}
        self._coming = 0
        # Since no place has been left free; zero while there is one.
        self._full_since = 0.0

    @property
    def is_full(self) -> bool:
        """Whether of those who have just arrived most need not even ask for a place."""
        ahead = self._coming + self._taken + self._waiters
        return ahead >= self._least_crowd and ahead >= self._places + self._room()

    def refuses(self, scope: Scope) -> bool:
        """Whether it is one of them, while it is full.

        Whoever is refused here costs next to nothing, which is what lets the others be served.
        """
        rank = self.rank(scope)
        if rank is None or rank is Rank.LOGIN:
            return False
        _FULL.inc()
        return True

    def expect(self) -> None:
        """Somebody has been let in, and will ask for a place in a moment."""
        if not self._coming:
            # By then they have asked.
            asyncio.get_running_loop().call_soon(self._forget_coming)
        self._coming += 1

    async def enter(self, rank: Rank) -> bool:
        """Whether it got a place, which is then to be left."""
        if self._taken < self._most[rank]:
            self._taken += 1
            return True
        if self._waiters >= self._room():
            _FULL.inc()
            return False
        if not await self._wait(self._waiting[rank]):
            _LATE.inc()
            return False
        return True

    def leave(self) -> None:
        """Give the place to the next."""
        self._taken -= 1
        for rank, waiting in self._waiting.items():
            while waiting and self._taken < self._most[rank]:
                turn = waiting.pop()
                self._waiters -= 1
                if not turn.done():
                    self._taken += 1
                    turn.set_result(True)
                    return
        self._full_since = 0.0

    def step_aside(self) -> None:
        """Leave for what may be no time at all: nobody is let in for it who waits."""
        self._taken -= 1

    def step_back(self) -> None:
        self._taken += 1

    async def _wait(self, waiting: "deque[asyncio.Future[bool]]") -> bool:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._full_since = self._full_since or loop.time()
        waiting.append(turn)
        self._waiters += 1
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
                self._waiters -= 1

    def _room(self) -> int:
        """How many may wait."""
        since = self._full_since
        if since and asyncio.get_running_loop().time() - since > PATIENCE_SECONDS:
            return self._crowd
        return self._places * RUSH

    def _forget_coming(self) -> None:
        self._coming = 0


def _refuse(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)
