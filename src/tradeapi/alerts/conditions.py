"""What alerts wait for.

Whatever it is, it comes down to one number of a symbol, its gauge, and a level that it has to
reach: from below (at or above it) or from above (at or below it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tradeapi.analytics.studies import Study
from tradeapi.market.resolutions import Resolution


class Way(StrEnum):
    """How a number stands to a level: so it is, or so it has come to be this moment."""

    ABOVE = "above"
    BELOW = "below"
    CROSSES_UP = "crosses_up"
    CROSSES_DOWN = "crosses_down"

    @property
    def is_up(self) -> bool:
        return self in {Way.ABOVE, Way.CROSSES_UP}

    @property
    def is_event(self) -> bool:
        return self in {Way.CROSSES_UP, Way.CROSSES_DOWN}


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    EITHER = "either"


class Period(StrEnum):
    SESSION = "session"
    YEAR = "52_weeks"


class Side(StrEnum):
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Price:
    """The newest price."""


@dataclass(frozen=True, slots=True)
class Move:
    """How far the price is from what it was `minutes` ago, or at the previous close, in percent."""

    minutes: int | None
    is_absolute: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """The newest bar's volume in averages of the `bars` before it."""

    resolution: Resolution
    bars: int


@dataclass(frozen=True, slots=True)
class Line:
    """One output of an indicator."""

    indicator: str
    values: tuple[float, ...]
    output: str

    @property
    def study(self) -> Study:
        names = [parameter.name for parameter in Study.of(self.indicator, {}).indicator.parameters]
        return Study.of(self.indicator, dict(zip(names, self.values, strict=True)))


@dataclass(frozen=True, slots=True)
class Reading:
    """An indicator's value, or how far it is above another's; of closed bars alone, or of the
    newest as it forms.
    """

    resolution: Resolution
    is_on_close: bool
    line: Line
    other: Line | None


@dataclass(frozen=True, slots=True)
class Extreme:
    """1 where the newest price is beyond all those before it in its session or in 52 weeks, else 0.

    The first price of a session is no extreme of it.
    """

    period: Period
    side: Side


Gauge = Price | Move | Volume | Reading | Extreme


@dataclass(frozen=True, slots=True)
class Test:
    """Whether the gauge is at the level or beyond, or `is_event`: whether it comes to be."""

    gauge: Gauge
    level: float
    is_up: bool
    is_event: bool


def tests_of(conditions: Sequence[Mapping[str, Any]]) -> list[Test]:
    """Of conditions as they are kept; raises KeyError, ValueError or TypeError for those of a newer
    release.
    """
    return [_TESTS[condition["type"]](condition) for condition in conditions]


def _price(condition: Mapping[str, Any]) -> Test:
    way = Way(condition["is"])
    return Test(Price(), float(condition["level"]), way.is_up, way.is_event)


def _move(condition: Mapping[str, Any]) -> Test:
    direction = Direction(condition["direction"])
    minutes = condition["minutes"]
    gauge = Move(
        None if minutes is None else int(minutes), is_absolute=direction is Direction.EITHER
    )
    percent = float(condition["percent"])
    if direction is Direction.DOWN:
        return Test(gauge, -percent, is_up=False, is_event=False)
    return Test(gauge, percent, is_up=True, is_event=False)


def _volume(condition: Mapping[str, Any]) -> Test:
    gauge = Volume(Resolution(condition["resolution"]), int(condition["bars"]))
    return Test(gauge, float(condition["times"]), is_up=True, is_event=False)


def _indicator(condition: Mapping[str, Any]) -> Test:
    way = Way(condition["is"])
    other = condition["other"]
    gauge = Reading(
        Resolution(condition["resolution"]),
        condition["on"] == "close",
        line_of(condition),
        None if other is None else line_of(other),
    )
    level = float(condition["level"]) if other is None else 0.0
    return Test(gauge, level, way.is_up, way.is_event)


def _extreme(condition: Mapping[str, Any]) -> Test:
    gauge = Extreme(Period(condition["of"]), Side(condition["is"]))
    return Test(gauge, 1.0, is_up=True, is_event=False)


def line_of(named: Mapping[str, Any]) -> Line:
    """The output of an indicator that is named with its parameters."""
    study = Study.of(named["indicator"], named["params"])
    if named["output"] not in study.indicator.outputs:
        raise KeyError(named["output"])
    return Line(study.indicator.name, study.values, named["output"])


_TESTS = {
    "price": _price,
    "move": _move,
    "volume": _volume,
    "indicator": _indicator,
    "extreme": _extreme,
}
