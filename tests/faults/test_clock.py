"""The machine's clock is set, forward and back, while everybody trades and follows.

The service's own clock is: this process asks it, and nothing else, what time it is.
"""

import time

import anyio
import pytest

from tests.faults.trading import trading
from tests.streams.conftest import running
from tradeapi.app import create_app
from tradeapi.settings import Settings

pytestmark = pytest.mark.anyio

HOUR = 3600


class SetClock:
    """Goes on from where it is set."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


async def test_a_clock_that_is_set_is_no_gap(database_url: str) -> None:
    """By a little and by an hour; what is closed stays closed, and all is heard."""
    settings, clock = Settings(database_url=database_url, demo=False), SetClock()
    async with (
        running(create_app(settings, clock), settings) as server,
        trading(f"http://127.0.0.1:{server.port}", backfills=0.01) as trades,
    ):
        for ahead in (2, -2, HOUR, -HOUR, 0):
            clock.ahead = ahead
            # The stream looks at it twice a second.
            await anyio.sleep(0.6)
            await trades.go_on()
        assert not trades.closes
