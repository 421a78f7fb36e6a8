"""Whether the bus works, told by what it waits for and when that last came."""

from collections.abc import Callable
from math import inf
from time import monotonic, time
from typing import Literal

import structlog

from tradeapi.bus.port import State
from tradeapi.metrics import BUS_LIVE

PATIENCE_SECONDS = 2.0

log = structlog.get_logger()


class Pulse:
    """Degraded at first, and when one of its lines has waited for too long."""

    def __init__(self, tell: Callable[[State], None]) -> None:
        self.state = State("degraded", time())
        self._tell = tell
        # Since when each line waits.
        self._waiting: dict[str, float] = {}
        self._error: str | None = None
        BUS_LIVE.set(0)

    def wait(self, line: str) -> None:
        """From now on, unless the line waits already."""
        self._waiting.setdefault(line, monotonic())

    def miss(self, line: str) -> None:
        """The line has waited for too long already."""
        self._waiting[line] = -inf

    def beat(self, line: str) -> None:
        """It came, and the line waits for the next."""
        self._waiting[line] = monotonic()

    def rest(self, line: str) -> None:
        """The line waits for nothing."""
        self._waiting.pop(line, None)

    def fail(self, error: Exception) -> None:
        self._error = f"{type(error).__name__}: {error}"

    def look(self) -> None:
        """Find out which state it is, and tell if it is another one."""
        longest = monotonic() - min(self._waiting.values(), default=inf)
        name: Literal["live", "degraded"] = "degraded" if longest > PATIENCE_SECONDS else "live"
        if name == self.state.name:
            return
        self.state = State(name, time())
        BUS_LIVE.set(name == "live")
        if name == "live":
            log.info("bus.live")
        else:
            log.warning("bus.degraded", error=self._error)
        self._error = None
        self._tell(self.state)
