"""An alert that is watched."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from tradeapi.alerts.conditions import Gauge, Test

UNSEEN, HOLDS, FAILS = "?", "1", "0"
_HOLDS = {UNSEEN: None, HOLDS: True, FAILS: False}
_MARKS = {holds: mark for mark, holds in _HOLDS.items()}


class Condition:
    """One condition of an alert; `holds` is what it was when it was last looked at."""

    __slots__ = ("alert", "gauge", "holds", "is_event", "is_up", "level")

    def __init__(self, alert: "Armed", test: Test, mark: str) -> None:
        self.alert = alert
        self.gauge: Gauge = test.gauge
        self.level = test.level
        self.is_up = test.is_up
        self.is_event = test.is_event
        self.holds = _HOLDS[mark]

    def is_met(self, value: float) -> bool:
        return value >= self.level if self.is_up else value <= self.level

    def settle(self, value: float) -> bool:
        """Whether it has come to hold; what never was seen to fail has not crossed anything."""
        before, self.holds = self.holds, self.is_met(value)
        return self.holds and (before is False or (before is None and not self.is_event))


class Standing(NamedTuple):
    """What is kept of an alert now; some edits arm it anew."""

    version: int
    armed_at: float
    base_version: int
    is_repeating: bool


@dataclass(slots=True, eq=False)
class Armed:
    """As it is kept; `state` has a mark for each condition, `bar` is that of the last firing."""

    id: UUID
    owner_id: UUID
    symbol_id: int
    symbol: str
    version: int
    documents: list[dict[str, Any]]
    tests: list[Test]
    is_all: bool
    is_repeating: bool
    cool_down: float
    expires_at: float | None
    armed_at: float
    base_version: int
    base_price: float | None
    base_time: float | None
    state: str
    count: int
    fired_at: float | None
    bar: int | None
    note: str
    channels: list[str]
    conditions: list[Condition] = field(init=False)

    def __post_init__(self) -> None:
        marks = self.state if len(self.state) == len(self.tests) else UNSEEN * len(self.tests)
        self.conditions = [
            Condition(self, test, mark) for test, mark in zip(self.tests, marks, strict=True)
        ]

    @property
    def marks(self) -> str:
        return "".join([_MARKS[condition.holds] for condition in self.conditions])

    @property
    def is_new(self) -> bool:
        """Whether nobody has looked at it since it was armed."""
        return all(condition.holds is None for condition in self.conditions)

    def is_armed_at(self, standing: Standing | None) -> bool:
        """Whether it still is what it was armed as."""
        return standing is not None and self.arming == (standing.armed_at, standing.base_version)

    def is_edited(self, other: "Armed") -> bool:
        """Whether the other is the same, only not in what it waits for."""
        is_same = self.documents == other.documents and self.is_all is other.is_all
        return is_same and self.arming == other.arming

    def edit(self, other: "Armed") -> None:
        """Become the other; what has been seen since stays."""
        self.version, self.state = other.version, other.state
        self.is_repeating = other.is_repeating
        self.cool_down, self.expires_at = other.cool_down, other.expires_at
        self.note, self.channels = other.note, other.channels

    @property
    def arming(self) -> tuple[float, int]:
        return self.armed_at, self.base_version

    def is_after(self, end: float) -> bool:
        """Whether the bar that ends then was over when it was armed."""
        return self.base_time is not None and end <= self.base_time

    def is_due(self, reached: Collection[Condition], now: float) -> bool:
        """Whether it fires, some of its conditions having been reached this moment."""
        if self.expires_at is not None and now >= self.expires_at:
            return False
        if self.fired_at is not None and now < self.fired_at + self.cool_down:
            return False
        if not self.is_all:
            return True
        return all(
            condition in reached or (condition.holds is True and not condition.is_event)
            for condition in self.conditions
        )
