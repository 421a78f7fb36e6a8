"""Alerts that suit a symbol."""

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

PERCENT = 5
_DIGITS = 6


def suggestions(symbol: str, last: float | None) -> Sequence[Mapping[str, Any]]:
    """What may be posted as it is; levels are of the last price, if there is one."""
    found: list[tuple[str, dict[str, Any]]] = []
    if last is not None:
        for way, sign, word in (("crosses_up", 1, "above"), ("crosses_down", -1, "below")):
            level = _rounded(last * (1 + sign * PERCENT / 100))
            title = f"{PERCENT} % {word} the last price"
            found.append((title, {"type": "price", "is": way, "level": level}))
    for way, level, word in (
        ("crosses_down", 30.0, "oversold"),
        ("crosses_up", 70.0, "overbought"),
    ):
        rsi = {"type": "indicator", "indicator": "rsi", "params": {"period": 14}}
        condition = {**rsi, "resolution": "1d", "on": "close", "is": way, "level": level}
        found.append((f"RSI(14) of the day comes to be {word}", condition))
    volume = {"type": "volume", "times": 2.0, "resolution": "1d", "bars": 20}
    found.append(("Volume twice the average of 20 days", volume))
    return [
        {"title": title, "symbol": symbol, "conditions": [condition]} for title, condition in found
    ]


def _rounded(price: float) -> float:
    return round(price, _DIGITS - 1 - floor(log10(price)))
