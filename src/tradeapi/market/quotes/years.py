"""What the prices of a symbol were over 52 weeks: a range, and closes for a sparkline.

Prices are restated for the splits since, so that a range is one of today's shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from tradeapi.analytics.adjustments import Adjustment, Factors
from tradeapi.analytics.bars import Float64Array
from tradeapi.market.bars.adjusted import Ex
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY
from tradeapi.market.events import Quote
from tradeapi.market.symbols.directory import Listing

DAYS = 364
CLOSES = 60


class Newest(NamedTuple):
    """A symbol's quote, the revision of its history, and low, high and close of its newest day.

    `bar` is None without any, and also where that bar is not a row of its own: somebody has
    removed all newer ones.
    """

    quote: Quote
    revision: int
    bar: tuple[float, float, float] | None

    @property
    def is_apart(self) -> bool:
        """Whether the newest day is known without what was before."""
        return self.bar is not None or self.quote.day is None


class Terms(NamedTuple):
    """What decides the past of a symbol: bars before its newest day change with the revision."""

    revision: int
    day: int | None
    since: int
    basis: str


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Daily bars of the year, restated; `factor` restates a bar of the day after them.

    `splits` are all of the symbol's, `in_effect` says how many of them have been taken into
    account, and the `calendar` when they begin.
    """

    terms: Terms
    calendar: Calendar
    low: float
    high: float
    closes: Float64Array
    factor: float
    splits: Sequence[Ex]
    in_effect: int

    def is_of(self, terms: Terms, calendar: Calendar, now: float) -> bool:
        return (
            self.terms == terms
            and self.calendar is calendar
            and (not self.splits or self.in_effect == _count(self.splits, now))
        )


@dataclass(frozen=True, slots=True)
class Year:
    """The range of 364 days, and up to 60 daily closes of them, the oldest first.

    Without any bar of them `low` and `high` are None.
    """

    quote: Quote
    low: float | None
    high: float | None
    closes: Sequence[float]
    splits: Sequence[Ex]

    def restated(self, price: float | None, since: float) -> float | None:
        """A price of an instant in terms of today's shares."""
        if price is None:
            return None
        for split in self.splits:
            if split.begin > since:
                price /= split.value
        return price


def terms_of(newest: Newest, listing: Listing, now: float) -> Terms:
    since = (int(now) // DAY - DAYS) * DAY
    return Terms(newest.revision, newest.quote.day, since, listing.basis)


def past_of(
    table: Float64Array, splits: Sequence[Ex], terms: Terms, calendar: Calendar, now: float
) -> Past:
    """Of the bars (time, high, low and close) before the newest day, or all without one."""
    time = np.ascontiguousarray(table[0]).view(np.int64)
    end = inf if terms.day is None else terms.day
    inside = slice(*time.searchsorted((terms.since, end)).tolist())
    time, (high, low, close) = time[inside], table[1:, inside]
    in_effect, factor = _count(splits, now), 1.0
    if in_effect:
        factors = _factors(splits[:in_effect], Adjustment(terms.basis))
        multiplier = factors.at(time)[0]
        high, low, close = high * multiplier, low * multiplier, close * multiplier
        if terms.day is not None:
            factor = float(factors.at(np.array([terms.day]))[0][0])
    return Past(
        terms,
        calendar,
        float(low.min(initial=inf)),
        float(high.max(initial=-inf)),
        # The others need not stay with them.
        close[-CLOSES:].copy(),
        factor,
        splits,
        in_effect,
    )


def year_of(newest: Newest, past: Past) -> Year:
    """The past and the newest day, if that is one of the year."""
    low, high, closes = past.low, past.high, past.closes.tolist()
    day, splits = past.terms.day, past.splits[: past.in_effect]
    if newest.bar is not None and day is not None and day >= past.terms.since:
        lowest, highest, close = newest.bar
        low, high = min(low, lowest * past.factor), max(high, highest * past.factor)
        closes = [*closes[1 - CLOSES :], close * past.factor]
    if not closes:
        return Year(newest.quote, None, None, [], splits)
    return Year(newest.quote, low, high, closes, splits)


def _count(splits: Sequence[Ex], now: float) -> int:
    """How many are in effect; they are in order."""
    return sum(split.begin <= now for split in splits)


def _factors(splits: Sequence[Ex], basis: Adjustment) -> Factors:
    actions = [split.action(is_intraday=False) for split in splits]
    return Factors.of(actions, np.full(len(actions), np.nan), Adjustment.SPLITS, basis)
