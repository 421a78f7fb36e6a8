"""Levels, session after session.

Each follows from the basket of the session before and from what is known at its own close: the
constituents are selected at a close and held from there on. So an index that is extended is bit for
bit the one that is built at once, and nothing that comes later changes a level.

Formulas: S&P DJI, Index Mathematics Methodology; MSCI, Index Calculation Methodology.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array, Int64Array
from tradeapi.analytics.indices.basket import Basket, Opened, opened, total, weights_of
from tradeapi.analytics.indices.costs import after_costs
from tradeapi.analytics.indices.methodology import Methodology, Weighting
from tradeapi.analytics.indices.observations import Known, Observations
from tradeapi.analytics.indices.panel import Event, Panel
from tradeapi.analytics.indices.schedule import rebalances
from tradeapi.analytics.indices.selection import buffered, largest
from tradeapi.analytics.indices.weighting import capped, inverse_volatility

# Levels up to and down to this are not further apart than what `levels` takes.
_MOST_GROWTH = 1e50
_BEYOND = "Its level is beyond all that can be computed with."


class Unbuildable(Exception):
    """There is no such index: why, and at the close of which day (epoch seconds)."""

    def __init__(self, day: int, detail: str) -> None:
        super().__init__(detail)
        self.day = day


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The index shares to hold of some columns, whatever their scale."""

    members: Int64Array
    shares: Float64Array


class Engine:
    """Goes through panels of consecutive sessions in their order; use it for one build.

    It begins before the first session, or after `basket`, whose columns are the panels'. The
    `lookback` sessions before have to be observed first. With `waits` the first session is the
    first on which there is a constituent. Whoever has `left` the universe is not chosen any more.
    """

    def __init__(
        self,
        methodology: Methodology,
        width: int,
        basket: Basket | None = None,
        *,
        waits: bool = False,
        left: Int64Array | None = None,
    ) -> None:
        self.basket = basket
        self._is_let_in = np.ones(width, np.bool_)
        if left is not None:
            self._is_let_in[left] = False
        self._waits = waits
        self._methodology = methodology
        self._observed = Observations(methodology, width)
        self._scratch = np.zeros(width)

    def observe(self, panel: Panel) -> None:
        """Learn of sessions before the first one that is built."""
        for row in range(len(panel)):
            self._observed.open(panel, row)
            self._observed.close(panel, row)
        if self.basket is not None:
            # It may have been carried for longer than was looked back.
            self._observed.price[self.basket.members] = self.basket.price
            self._observed.age[self.basket.members] = self.basket.age

    def run(self, panel: Panel) -> Iterator[Basket]:
        """The basket after each session; raises Unbuildable."""
        ends = panel.ends
        is_due = rebalances(self._methodology, panel.days, ends)
        for row in range(len(panel)):
            events = self._observed.open(panel, row)
            self._observed.close(panel, row)
            listed = self._listed(panel, int(panel.days[row]), int(ends[row]))
            try:
                self.basket = self._after(panel, row, events, listed, is_due=bool(is_due[row]))
            except OverflowError as error:
                raise Unbuildable(int(panel.days[row]), _BEYOND) from error
            self._check(self.basket)
            if self.basket is not None:
                yield self.basket

    def _check(self, basket: Basket | None) -> None:
        """Raises Unbuildable for what no measure could be computed of."""
        if basket is None or not basket.level:
            return
        growth = basket.level / self._methodology.base_value
        is_held = not len(basket.members) or 0.0 < basket.divisor < inf
        if not 1 / _MOST_GROWTH < growth < _MOST_GROWTH or not is_held:
            raise Unbuildable(basket.day, _BEYOND)

    def _listed(self, panel: Panel, day: int, end: int) -> BoolArray:
        """Who can be bought at this close. The end of a listing is announced; not so where nothing
        is left on that day."""
        last = day if self._methodology.delisted_at_zero else end
        listed: BoolArray = (panel.listed_from <= day) & (panel.listed_to > last)
        return listed

    def _after(
        self, panel: Panel, row: int, events: Sequence[Event], listed: BoolArray, *, is_due: bool
    ) -> Basket | None:
        day = int(panel.days[row])
        if self.basket is None:
            return self._first(day, listed)
        held = opened(self.basket, events, self._methodology)
        basket = self._valued(held, panel, day)
        if basket.level == 0.0:
            return _lost(basket)
        targets = (
            self._targets(day, listed, basket) if is_due else self._kept(events, listed, basket)
        )
        return basket if targets is None else self._traded(basket, targets)

    def _first(self, day: int, listed: BoolArray) -> Basket | None:
        targets = self._targets(day, listed, None)
        if targets is None:
            if self._waits:
                return None
            raise Unbuildable(day, "No symbol of the universe can be a constituent.")
        level = self._methodology.base_value
        return self._holding(day, targets, level)

    def _valued(self, held: Opened, panel: Panel, day: int) -> Basket:
        """The constituents of the session before, at this close."""
        assert self.basket is not None  # noqa: S101  there is a session before
        members = self.basket.members
        price, age = self._observed.price[members], self._observed.age[members]
        if self._methodology.delisted_at_zero:
            price = np.where((panel.listed_to[members] <= day) & (age > 0), 0.0, price)
        level = held.level(price) if len(members) else self.basket.level
        return Basket(
            day=day,
            level=level,
            divisor=held.divisor_after(price, level),
            members=members,
            shares=held.shares,
            price=price,
            outstanding=held.outstanding,
            age=age,
        )

    def _kept(self, events: Sequence[Event], listed: BoolArray, basket: Basket) -> Targets | None:
        """What to hold between rebalances, where that changes: whoever leaves leaves his weight to
        all others, and of a market all shares are held."""
        shares = basket.shares
        if self._methodology.weighting is Weighting.MARKET_CAP:
            counted = {event.column for event in events if event.kind == "shares"}
            is_counted = np.isin(basket.members, list(counted))
            shares = np.where(is_counted, basket.outstanding, shares)
        stays = listed[basket.members]
        if stays.all() and shares is basket.shares:
            return None
        if stays.all() and (shares == basket.shares).all():
            return None
        return Targets(basket.members[stays], shares[stays])

    def _targets(self, day: int, listed: BoolArray, basket: Basket | None) -> Targets | None:
        """What to hold from this close on; None: nobody is eligible, and all stays as it is."""
        known = self._observed.reference()
        if known is None:
            return None
        members = self._selected(known, listed, basket)
        if not len(members):
            return None
        price, outstanding = known.price[members], known.outstanding[members]
        weighting = self._methodology.weighting
        if weighting is Weighting.MARKET_CAP:
            return Targets(members, outstanding)
        if weighting is Weighting.PRICE:
            return Targets(members, np.ones(len(members)))
        try:
            weights = self._weights(members, price * outstanding)
        except ValueError as error:
            raise Unbuildable(day, str(error)) from error
        is_weighted = weights > 0.0
        if not is_weighted.any():
            return None
        return Targets(members[is_weighted], weights[is_weighted] / price[is_weighted])

    def _selected(self, known: Known, listed: BoolArray, basket: Basket | None) -> Int64Array:
        methodology = self._methodology
        is_eligible = (
            listed & self._is_let_in & (known.age <= methodology.carry) & (known.price > 0.0)
        )
        sizes = known.price * known.outstanding
        if methodology.needs_shares:
            is_eligible &= known.outstanding > 0.0
        if methodology.count is None:
            return np.flatnonzero(is_eligible).astype(np.int64)
        sizes[~is_eligible] = np.nan
        if not methodology.buffer or basket is None:
            return largest(sizes, methodology.count)
        return buffered(sizes, methodology.count, methodology.buffer, basket.members)

    def _weights(self, members: Int64Array, sizes: Float64Array) -> Float64Array:
        """Of the reference day; 0 for who has none. Raises ValueError."""
        methodology = self._methodology
        if methodology.weighting is Weighting.CAPPED:
            assert methodology.cap is not None  # noqa: S101  what such a weighting is made of
            return capped(weights_of(sizes), methodology.cap)
        if methodology.weighting is Weighting.CUSTOM:
            wanted = np.array([methodology.custom.get(column, 0.0) for column in members.tolist()])
            return weights_of(wanted)
        if methodology.weighting is Weighting.INVERSE_VOLATILITY:
            return np.nan_to_num(inverse_volatility(self._observed.returns(members)))
        return np.full(len(members), 1.0 / len(members))

    def _traded(self, basket: Basket, targets: Targets) -> Basket:
        before = basket.weights
        after = weights_of(targets.shares * self._observed.price[targets.members])
        # By column, and all zero again at the end.
        weights = self._scratch
        weights[basket.members] = before
        old = weights[targets.members]
        weights[targets.members] = 0.0
        left = weights[basket.members]
        weights[basket.members] = 0.0
        turnover = (total(np.abs(after - old)) + total(left)) / 2
        level = after_costs(basket.level, left, old, after, self._methodology.cost)
        traded = self._holding(basket.day, targets, level)
        sizes = basket.price * basket.outstanding
        return replace(traded, turnover=turnover, before=before, sizes=sizes)

    def _holding(self, day: int, targets: Targets, level: float) -> Basket:
        """These, scaled so that each point of the level is about one unit of value."""
        members, price = targets.members, self._observed.price[targets.members]
        value = total(targets.shares * price)
        if not value:
            return _lost_at(day, level)
        is_scaled = self._methodology.weighting not in {Weighting.MARKET_CAP, Weighting.PRICE}
        shares = targets.shares * (level / value) if is_scaled else targets.shares
        return Basket(
            day=day,
            level=level,
            divisor=total(shares * price) / level,
            members=members,
            shares=shares,
            price=price,
            outstanding=self._observed.outstanding[members],
            age=self._observed.age[members],
        )


def _lost(basket: Basket) -> Basket:
    """All is lost, and stays so."""
    sizes = basket.price * basket.outstanding
    return replace(_lost_at(basket.day, 0.0), before=basket.weights, sizes=sizes)


def _lost_at(day: int, level: float) -> Basket:
    return Basket(
        day=day,
        level=level,
        divisor=0.0,
        members=np.empty(0, np.int64),
        shares=np.empty(0),
        price=np.empty(0),
        outstanding=np.empty(0),
        age=np.empty(0, np.int64),
    )
