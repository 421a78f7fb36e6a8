"""What an alert says when it fires."""

from collections.abc import Mapping, Sequence
from typing import Any

from tradeapi.alerts.conditions import line_of
from tradeapi.notifications.models import LONGEST_TITLE

_WAYS = {
    "above": "at or above",
    "below": "at or below",
    "crosses_up": "up through",
    "crosses_down": "down through",
}
_DIRECTIONS = {"up": "up by", "down": "down by", "either": "up or down by"}


def title_of(symbol: str, conditions: Sequence[Mapping[str, Any]], *, is_all: bool) -> str:
    """
    >>> title_of("US:AAPL", [{"type": "price", "is": "above", "level": 190.0}], is_all=True)
    'US:AAPL: price at or above 190'
    """
    joint = " and " if is_all else " or "
    title = f"{symbol}: {joint.join(map(described, conditions))}"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def described(condition: Mapping[str, Any]) -> str:
    """One condition in words."""
    return _WORDS[condition["type"]](condition)


def _price(condition: Mapping[str, Any]) -> str:
    return f"price {_WAYS[condition['is']]} {condition['level']:.12g}"


def _move(condition: Mapping[str, Any]) -> str:
    minutes = condition["minutes"]
    since = "since the previous close" if minutes is None else f"in {minutes} minutes"
    return f"{_DIRECTIONS[condition['direction']]} {condition['percent']:.12g} % {since}"


def _volume(condition: Mapping[str, Any]) -> str:
    return (
        f"volume of {condition['times']:.12g} times the average of {condition['bars']} "
        f"bars ({condition['resolution']})"
    )


def _indicator(condition: Mapping[str, Any]) -> str:
    other = condition["other"]
    target = f"{condition['level']:.12g}" if other is None else _line(other)
    return f"{_line(condition)} {_WAYS[condition['is']]} {target} ({condition['resolution']})"


def _extreme(condition: Mapping[str, Any]) -> str:
    period = "session" if condition["of"] == "session" else "52-week"
    return f"new {period} {condition['is']}"


def _line(named: Mapping[str, Any]) -> str:
    line = line_of(named)
    name = line.indicator.upper()
    values = ", ".join(f"{value:g}" for value in line.values)
    output = f" {line.output}" if line.output != line.indicator else ""
    return f"{name}({values}){output}" if values else f"{name}{output}"


_WORDS = {
    "price": _price,
    "move": _move,
    "volume": _volume,
    "indicator": _indicator,
    "extreme": _extreme,
}
