"""Keys, path tokens and tickets that nobody has handed out cost a look into the database each.

That comes ahead of the rate limits, which depend on who calls; so it has a limit of its own.
"""

from math import ceil

from tradeapi.auth.counts import Counts
from tradeapi.errors import TooMany
from tradeapi.metrics import LIMIT_HITS

MOST = 30
SECONDS = 60


class Guesses:
    """Counted in this process: what is spared is its own time."""

    def __init__(self) -> None:
        self._counts = Counts()

    def admit(self, address: str) -> None:
        """Raises TooMany for an address from which too many were no good."""
        count, seconds = self._counts.read(address)
        if count >= MOST:
            LIMIT_HITS.labels("guesses").inc()
            detail = "Too many keys, tokens and tickets from your address were none of ours."
            raise TooMany(detail, retry_after=max(1, ceil(seconds)))

    def blame(self, address: str) -> None:
        self._counts.increase(address, SECONDS)
