"""Keys and tickets that nobody has handed out cost a look into the database each.

That comes ahead of the rate limits, which depend on who calls; so it has a limit of its own.
"""

from math import ceil

from tradeapi.auth.counters import Counters
from tradeapi.errors import TooMany

MOST = 30
SECONDS = 60


class Guesses:
    """Counted in this process: what is spared is its own time."""

    def __init__(self) -> None:
        self._counters = Counters(None)

    async def admit(self, address: str) -> None:
        """Raises TooMany for an address from which too many were no good."""
        count, seconds = await self._counters.read(address)
        if count >= MOST:
            detail = "Too many keys and tickets from your address were none of ours."
            raise TooMany(detail, retry_after=max(1, ceil(seconds)))

    async def blame(self, address: str) -> None:
        await self._counters.increase(address, SECONDS)
