"""One request against one limit, and where its caller stands then."""

from math import ceil, floor
from typing import NamedTuple

from limits import RateLimitItem


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
