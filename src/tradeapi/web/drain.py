"""How a process ends: first it lets itself be missed, then it stops."""

from starlette.types import Scope

# Shares of the time to drain. Balancers ask every few seconds whether to send somebody here.
NOTICE, LAST = 0.15, 0.05


class Drain:
    """First comes a notice: all is served, but `/health/ready` says that it will not be, and each
    answer is the last on its connection. In the last moments nobody new is let in. So hardly anyone
    is cut off by the end of a connection that they were about to use. The rest is for farewells.
    """

    def __init__(self, seconds: float) -> None:
        self.has_begun = False
        self.notice_seconds = seconds * NOTICE
        self.last_seconds = seconds * LAST

    def begin(self) -> None:
        self.has_begun = True


def farewell_seconds(drain_seconds: float) -> float:
    """What is left for those who are being served when the notice is over."""
    return drain_seconds * (1 - NOTICE - LAST)


def drain_of(scope: Scope) -> Drain | None:
    """That of the process; None where it was not told of any."""
    drain = scope.get("state", {}).get("drain")
    return drain if isinstance(drain, Drain) else None
