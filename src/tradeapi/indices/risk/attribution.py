"""What of an index's difference from another one came from which sector.

All is taken from what both have held at each close: a session begins with the weights after the
close before, restated for the corporate actions of the morning, and ends with those just before
what was traded at its own close.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices import attribution
from tradeapi.analytics.indices.basket import Opened, opened, total
from tradeapi.analytics.indices.costs import before_costs
from tradeapi.analytics.indices.panel import Event
from tradeapi.analytics.indices.undefined import Undefined
from tradeapi.indices.packing import Held
from tradeapi.indices.risk.portfolio import Portfolio
from tradeapi.indices.spans import bad_range

# An index whose constituents have all left, and whose level stays.
CASH = "Cash"


class Sectors(NamedTuple):
    """An index by sectors; `level_return` is that of its level over all sessions."""

    held: attribution.Holdings
    level_return: float


def attributed(portfolio: Portfolio, benchmark: Portfolio) -> Mapping[str, Any]:
    """Both over the same sessions, two at least; raises Invalid where all of one is lost."""
    names = _names(portfolio, benchmark)
    try:
        ours, theirs = by_sector(portfolio, names), by_sector(benchmark, names)
        found = attribution.attribute(ours.held, theirs.held)
    except (Undefined, ValueError) as error:
        raise bad_range("start", str(error)) from error
    linked = found.linked
    effects = {
        "allocation": linked.allocation,
        "selection": linked.selection,
        "interaction": linked.interaction,
        "total": linked.allocation + linked.selection + linked.interaction,
    }
    return {
        "portfolio": _side(ours, found.portfolio),
        "benchmark": _side(theirs, found.benchmark),
        "active": found.portfolio - found.benchmark,
        **{name: float(effect.sum()) for name, effect in effects.items() if name != "total"},
        "sectors": [
            {
                "sector": name,
                "portfolio_weight": float(ours.held.weights[:, place].mean()),
                "benchmark_weight": float(theirs.held.weights[:, place].mean()),
                "portfolio_return": _compounded(ours.held, place),
                "benchmark_return": _compounded(theirs.held, place),
                **{effect: float(values[place]) for effect, values in effects.items()},
            }
            for place, name in enumerate(names)
        ],
    }


def by_sector(portfolio: Portfolio, names: Sequence[str]) -> Sectors:
    """Weights before each session and returns over it, NaN where a sector is not held."""
    where = {name: place for place, name in enumerate(names)}
    places = np.array([where[sector] for sector in portfolio.sectors], np.int64)
    weights, returns = [], []
    for columns, weight, change in _members(portfolio):
        whole, earned = np.zeros(len(names)), np.zeros(len(names))
        np.add.at(whole, places[columns], weight)
        np.add.at(earned, places[columns], weight * change)
        if not len(columns):
            whole[where[CASH]] = 1.0
        unheld = np.full(len(names), np.nan)
        weights.append(whole)
        returns.append(np.divide(earned, whole, out=unheld, where=whole != 0))
    first, last = portfolio.sessions[0], portfolio.sessions[-1]
    return Sectors(
        attribution.Holdings(np.array(weights), np.array(returns)),
        last.level / first.level - 1 if first.level else 0.0,
    )


def _members(
    portfolio: Portfolio,
) -> Iterator[tuple[Int64Array, Float64Array, Float64Array]]:
    """Of each session but the first the constituents' columns, weights and returns."""
    events = [panel.events.get(row, ()) for panel in portfolio.panels for row in range(len(panel))]
    for place, after in enumerate(portfolio.sessions[1:], 1):
        before = portfolio.sessions[place - 1]
        columns = portfolio.columns(before)
        morning = opened(before.basket(columns), events[place], portfolio.methodology)
        income = _income(columns.tolist(), morning, events[place], portfolio)
        started = morning.shares * morning.price
        ended = _ended(after, morning, before, portfolio.methodology.cost) + income
        whole = total(started)
        weights = started / whole if whole else np.zeros(len(started))
        nothing = np.zeros(len(started))
        yield columns, weights, np.divide(ended, started, out=nothing + 1, where=started != 0) - 1


def _ended(after: Held, morning: Opened, before: Held, cost: float) -> Float64Array:
    """What the constituents of the morning were worth before anything was traded at the close."""
    if after.before is None:
        return after.shares * after.price
    level = _before_costs(after, before, cost)
    return after.before * (level * morning.divisor - morning.income)


def _before_costs(after: Held, before: Held, cost: float) -> float:
    assert after.before is not None  # noqa: S101  something was traded
    union = np.union1d(before.ids, after.ids)
    old, new = np.zeros(len(union)), np.zeros(len(union))
    old[union.searchsorted(before.ids)] = after.before
    new[union.searchsorted(after.ids)] = after.weights
    return before_costs(after.level, old, new, cost)


def _income(
    columns: Sequence[int], morning: Opened, events: Sequence[Event], portfolio: Portfolio
) -> Float64Array:
    """What is reinvested of dividends, by constituent."""
    income = np.zeros(len(columns))
    if morning.income:
        places = {column: place for place, column in enumerate(columns)}
        for column, kind, value in events:
            if kind == "dividend" and column in places:
                place = places[column]
                income[place] += morning.shares[place] * value * portfolio.methodology.reinvested
    return income


def _names(*sides: Portfolio) -> Sequence[str]:
    names = {sector for side in sides for sector in side.sectors}
    if any(not len(held.ids) for side in sides for held in side.sessions):
        names.add(CASH)
    return sorted(names)


def _side(sectors: Sectors, explained: float) -> Mapping[str, float]:
    return {
        "return": sectors.level_return,
        "explained": explained,
        "residual": sectors.level_return - explained,
    }


def _compounded(held: attribution.Holdings, place: int) -> float | None:
    """Over the sessions on which the sector was held; None: it never was."""
    returns = held.returns[held.weights[:, place] != 0, place]
    return prod((returns + 1).tolist()) - 1 if len(returns) else None
