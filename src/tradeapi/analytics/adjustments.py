"""Restates bars from before splits and dividends on the terms of today's shares.

A bar's price is multiplied by the product of the multipliers of all actions that take effect after
it (Yahoo Finance, "What is the adjusted close?"; CRSP, data description guide, "Adjusted data"):
1 / ratio for a split, whose volume is multiplied by the ratio, and 1 - amount / previous close for
a dividend, whose volume stays; what is paid on one day, special or not, is one amount. Bars wider
than a day hold days from both sides of an action, so they are folded from adjusted daily bars,
never adjusted themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Literal, Self

import numpy as np

from tradeapi.analytics.bars import Bars, Float64Array, Int64Array

Kind = Literal["split", "dividend", "special"]
# What is paid in cash: a special dividend or return of capital moves prices as any other does.
DIVIDENDS: frozenset[Kind] = frozenset({"dividend", "special"})


class Adjustment(StrEnum):
    """What prices are restated for; also the basis that stored prices are on."""

    RAW = "raw"
    SPLITS = "splits"
    ALL = "all"

    @property
    def kinds(self) -> frozenset[Kind]:
        return _KINDS[self]


_KINDS: dict[Adjustment, frozenset[Kind]] = {
    Adjustment.RAW: frozenset(),
    Adjustment.SPLITS: frozenset({"split"}),
    Adjustment.ALL: frozenset({"split", *DIVIDENDS}),
}


@dataclass(frozen=True, slots=True)
class Action:
    """A split (`value` new shares per old) or a cash dividend (`value` per share held before),
    which may be a special one.

    Bars that begin at `effective` or later trade on the new terms: 00:00 UTC of the ex-date for
    daily bars, the open of that day's session for intraday bars. An amount is as declared: it is
    not restated for later splits, nor for one on the same day.
    """

    kind: Kind
    effective: int
    value: float

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ValueError(f"A {self.kind} must be a finite number, was {self.value}.")
        if self.kind == "split" and self.value <= 0:
            raise ValueError(f"The ratio of a split must be above 0, was {self.value:g}.")
        if self.value < 0:
            raise ValueError(f"The amount of a dividend must not be negative, was {self.value:g}.")


@dataclass(frozen=True, slots=True)
class Factors:
    """Multipliers by time: entry k is for bars that k of the `effective` instants have passed."""

    effective: Int64Array
    price: Float64Array
    volume: Float64Array

    @classmethod
    def of(
        cls,
        actions: Sequence[Action],
        closes: Float64Array,
        adjustment: Adjustment,
        basis: Adjustment = Adjustment.RAW,
    ) -> Self:
        """What leads from prices on the `basis` to the `adjustment`.

        `closes` holds for each action the stored close of the day before (see
        `previous_closes`). A dividend without one, or not below it, moves no price: history stays
        readable whatever is corrected later; it is refused at the door (`excessive`).
        """
        kinds = adjustment.kinds - basis.kinds
        effective: list[int] = []
        price, volume = [1.0], [1.0]
        paid = ratio = later = 1.0
        instant, amount = None, 0.0
        for action, close in _latest_first(actions, closes, basis):
            if action.kind not in kinds:
                continue
            if action.effective != instant:
                instant, amount, later = action.effective, 0.0, paid
            if action.kind == "split":
                ratio *= action.value
            elif amount + action.value < close:
                amount += action.value
                paid = later * (1 - amount / close)
            effective.append(action.effective)
            price.append(paid / ratio)
            volume.append(ratio)
        return cls(
            np.array(effective[::-1], np.int64), np.array(price[::-1]), np.array(volume[::-1])
        )

    def at(self, times: Int64Array) -> tuple[Float64Array, Float64Array]:
        """The price and the volume multiplier of the bar at each time."""
        passed = self.effective.searchsorted(times, "right")
        return self.price[passed], self.volume[passed]


def adjust(bars: Bars, factors: Factors) -> Bars:
    """The bars, of a day or less, times their factors."""
    if not len(factors.effective):
        return bars
    price, volume = factors.at(bars.time)
    return Bars(
        time=bars.time,
        open=bars.open * price,
        high=bars.high * price,
        low=bars.low * price,
        close=bars.close * price,
        volume=bars.volume * volume,
    )


def previous_closes(ex_days: Int64Array, daily: Bars) -> Float64Array:
    """The close of the last daily bar before each ex-date (00:00 UTC); NaN where there is none."""
    closes = np.concatenate([[np.nan], daily.close])
    return closes[daily.time.searchsorted(ex_days)]


def excessive(
    actions: Sequence[Action], closes: Float64Array, basis: Adjustment = Adjustment.RAW
) -> dict[Action, str]:
    """The dividends that are not below the close before them, each with a sentence.

    Of those of one instant, these are the ones that are too much beside those given before.
    """
    if "dividend" in basis.kinds:
        return {}  # such closes have shrunk with every dividend since, and none will be applied
    found: dict[Action, str] = {}
    amounts: dict[int, float] = {}
    for action, close in _latest_first(actions, closes, basis):
        if action.kind not in DIVIDENDS:
            continue
        amount = amounts.get(action.effective, 0.0) + action.value
        if amount >= close:
            found[action] = (
                f"{_owed(action, amount)} the close before it ({close:g}), was {amount:g}."
            )
        else:
            amounts[action.effective] = amount
    return found


def _owed(action: Action, amount: float) -> str:
    if amount > action.value:
        return "What is paid on one day must be below"
    return "A dividend must be below"


def _latest_first(
    actions: Sequence[Action], closes: Float64Array, basis: Adjustment
) -> Iterator[tuple[Action, float]]:
    """Each action with the close before it as it was traded; of one instant, splits come first."""
    restated = 1.0
    for action, close in sorted(
        zip(actions, closes.tolist(), strict=True),
        key=lambda pair: (pair[0].effective, pair[0].kind == "split"),
        reverse=True,
    ):
        if action.kind == "split" and action.kind in basis.kinds:
            restated *= action.value
        yield action, close * restated
