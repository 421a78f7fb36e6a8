"""Guessing passwords gets slower with each try, and nobody can lock somebody else out with it.

Who guesses at one account from one address waits twice as long each time. Whoever tries an account
that is guessed at from everywhere is only held up a little: its owner still gets in.
"""

import math

import anyio

from tradeapi.auth.counters import Counters
from tradeapi.errors import TooMany
from tradeapi.metrics import LOGINS
from tradeapi.security.secrets import digest
from tradeapi.web.proxies import caller_key

WINDOW_SECONDS = 900
FREE = 5
LONGEST_WAIT_SECONDS = 60
FREE_FROM_ANYWHERE = 20
DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 2.0


class Throttle:
    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def admit(self, email: str, address: str) -> None:
        """Before a password is looked at; raises TooMany for whoever has to wait."""
        pair, account = _keys(email, address)
        waits, seconds = await self._counters.read(f"wait:{pair}")
        if waits:
            LOGINS.labels("throttled").inc()
            raise TooMany(
                "Too many wrong passwords; wait before you try again.",
                code="too_many_logins",
                retry_after=max(1, math.ceil(seconds)),
            )
        failures, _ = await self._counters.read(f"fail:{account}")
        if failures > FREE_FROM_ANYWHERE:
            delay = DELAY_SECONDS * (failures - FREE_FROM_ANYWHERE)
            await anyio.sleep(min(delay, LONGEST_DELAY_SECONDS))

    async def blame(self, email: str, address: str) -> None:
        """The password was wrong."""
        pair, account = _keys(email, address)
        failures = await self._counters.increase(f"fail:{pair}", WINDOW_SECONDS)
        await self._counters.increase(f"fail:{account}", WINDOW_SECONDS)
        if failures >= FREE:
            # Beyond that the power only grows for nothing.
            wait = min(2.0 ** min(failures - FREE, 10), LONGEST_WAIT_SECONDS)
            # Of several at the same time the last has the longest.
            await self._counters.clear(f"wait:{pair}")
            await self._counters.increase(f"wait:{pair}", wait)

    async def forgive(self, email: str, address: str) -> None:
        """The password was right."""
        pair, _ = _keys(email, address)
        await self._counters.clear(f"fail:{pair}")


def _keys(email: str, address: str) -> tuple[str, str]:
    account = digest(email)[:32]
    return f"{account}:{caller_key(address)}", account
