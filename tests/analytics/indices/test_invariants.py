"""What holds of every index, whatever happens to its constituents."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.indices.markets import (
    QUIET,
    Chances,
    built,
    market,
    methodologies,
    permuted,
    told,
)
from tradeapi.analytics.indices.basket import Basket, opened
from tradeapi.analytics.indices.engine import Unbuildable
from tradeapi.analytics.indices.methodology import Methodology, Return, Schedule, Weighting
from tradeapi.analytics.indices.panel import Event, Panel, ordered

seeds = st.integers(0, 2**32)
thorough = settings(max_examples=60, deadline=None)


def tried(
    methodology: Methodology, panel: Panel, known: int = 0, basket: Basket | None = None
) -> list[Basket]:
    """Nothing where there is no such index."""
    try:
        return built(methodology, panel, known, basket)
    except Unbuildable:
        return []


@thorough
@given(seeds, methodologies(), st.integers(1, 29))
def test_extending_is_building_at_once(seed: int, methodology: Methodology, cut: int) -> None:
    """Bit for bit, wherever it is cut, and from no more than the lookback and the last basket."""
    panel = market(seed)
    whole = tried(methodology, panel)
    first = tried(methodology, panel.part(0, cut))
    if not first or not whole:
        return
    known = min(methodology.lookback, cut)
    later = replace(panel.part(cut - known, len(panel)), shares=_shares_at(panel, cut - known))
    assert told(first + built(methodology, later, known, first[-1])) == told(whole)


def _shares_at(panel: Panel, row: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    shares = panel.shares.copy()
    for before in range(row):
        for column, kind, value in panel.events.get(before, ()):
            if kind == "split":
                shares[column] *= value
            elif kind == "shares":
                shares[column] = value
    return shares


@thorough
@given(seeds, methodologies(), st.integers(1, 29))
def test_nothing_later_changes_a_level(seed: int, methodology: Methodology, cut: int) -> None:
    """Whatever is known after a day is dropped, or made up: all up to that day is as it was."""
    panel = market(seed)
    other = panel.close.copy()
    other[cut:] = other[cut:][::-1] * 7
    events = {row: some for row, some in panel.events.items() if row < cut}
    changed = tried(methodology, replace(panel, close=other, events=events))
    last = int(panel.days[cut - 1])
    before = [one for one in tried(methodology, panel) if one.day <= last]
    assert told([one for one in changed if one.day <= last]) == told(before) or not changed
    assert told(tried(methodology, panel.part(0, cut))) == told(before) or not before


@thorough
@given(seeds, methodologies())
def test_levels_are_continuous_and_weights_whole(seed: int, methodology: Methodology) -> None:
    """The new basket is worth the level, less its costs; weights add up to 1, before and after; the
    return lies between those of the constituents; turnover is between 0 and 1."""
    panel = market(seed)
    baskets = tried(methodology, panel)
    for old, new in pairwise(baskets):
        if not len(new.members):
            continue
        value = float((new.shares * new.price).sum())
        assert value / new.divisor == pytest.approx(new.level, rel=1e-12)
        assert new.weights.sum() == pytest.approx(1, abs=1e-12)
        assert 0 <= new.turnover <= 1 + 1e-12
        if new.before is not None and len(old.members):
            assert new.before.sum() == pytest.approx(1, abs=1e-12)
        if methodology.cost == 0:
            low, high = _returns(panel, methodology, old, new)
            assert low - 1e-9 <= new.level / old.level <= high + 1e-9


def _returns(
    panel: Panel, methodology: Methodology, old: Basket, new: Basket
) -> tuple[float, float]:
    """The lowest and the highest of the constituents, with their dividends and without."""
    row = int(panel.days.searchsorted(new.day))
    events = panel.events.get(row, ())
    held = opened(old, events, methodology)
    close = panel.close[row, old.members]
    price = np.where(np.isnan(close), held.price, close)
    if methodology.delisted_at_zero:
        price = np.where(panel.listed_to[old.members] <= new.day, 0.0, price)
    paid = np.zeros(len(price))
    for column, kind, value in events:
        if kind == "dividend":
            paid[old.members == column] += value * methodology.reinvested
    growth = np.concatenate([price, price + paid]) / np.concatenate([held.price, held.price])
    return float(growth.min()), float(growth.max())


@thorough
@given(seeds, methodologies())
def test_total_net_and_price_returns_are_in_order(seed: int, methodology: Methodology) -> None:
    """And equal where nobody pays a dividend."""
    for chances in (Chances(), Chances(dividend=0)):
        panel = market(seed, chances=chances)
        price, net, total = (
            [
                one.level
                for one in tried(
                    replace(methodology, returns=returns, withholding=0.3, cost=0.0), panel
                )
            ]
            for returns in (Return.PRICE, Return.NET, Return.TOTAL)
        )
        for low, middle, high in zip(price, net, total, strict=True):
            assert low * (1 - 1e-12) <= middle <= high * (1 + 1e-12)
            if not chances.dividend:
                assert low == middle == high


@thorough
@given(seeds, methodologies())
def test_a_split_is_no_return(seed: int, methodology: Methodology) -> None:
    """The same prices with splits in them, and announced, give the same levels; so does another
    unit of one stock's price."""
    panel = market(seed, chances=Chances(split=0, count=0, dividend=0, special=0))
    rows, stocks = panel.close.shape
    row, stock, ratio = 1 + seed % (rows - 1), seed % stocks, 4.0
    close = panel.close.copy()
    close[row:, stock] /= ratio
    events = {row: ordered([Event(stock, "split", ratio)])}
    split = tried(methodology, replace(panel, close=close, events=events))
    levels = [one.level for one in tried(methodology, panel)]
    if methodology.weighting is not Weighting.PRICE:
        assert [one.level for one in split] == pytest.approx(levels, rel=1e-11)
        scaled = replace(
            panel,
            close=panel.close * _but(stocks, stock, 3.0),
            shares=panel.shares / _but(stocks, stock, 3.0),
        )
        assert [one.level for one in tried(methodology, scaled)] == pytest.approx(levels, rel=1e-11)


def _but(count: int, place: int, value: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    ones = np.ones(count)
    ones[place] = value
    return ones


@thorough
@given(seeds, methodologies())
def test_the_order_of_symbols_changes_nothing(seed: int, methodology: Methodology) -> None:
    """Where no two are of the same size."""
    panel = market(seed)
    order = np.random.default_rng(seed).permutation(panel.close.shape[1])
    place = np.argsort(order)
    custom = {int(place[column]): weight for column, weight in methodology.custom.items()}
    moved = tried(replace(methodology, custom=custom), permuted(panel, order))
    assert [one.level for one in moved] == pytest.approx(
        [one.level for one in tried(methodology, panel)], rel=1e-12
    )


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_known_cases(seed: int) -> None:
    """All stocks by market cap are their caps; where all return the same, so does the index; where
    nothing moves, nothing is traded."""
    panel = market(seed, chances=QUIET)
    whole = Methodology(count=None, weighting=Weighting.MARKET_CAP)
    caps = (panel.close * panel.shares).sum(axis=1)
    levels = [one.level for one in built(whole, panel)]
    assert levels == pytest.approx((1000 * caps / caps[0]).tolist(), rel=1e-12)
    growth = np.cumprod(np.random.default_rng(seed).uniform(0.9, 1.1, (len(panel), 1)), axis=0)
    alike = replace(panel, close=growth * panel.close[0])
    for weighting in Weighting:
        rules = Methodology(
            count=3,
            weighting=weighting,
            cap=0.5,
            custom={0: 1.0, 1: 2.0, 2: 3.0},
            window=2,
            schedule=Schedule.WEEKLY,
        )
        found = tried(rules, alike)
        assert (
            [one.level / found[0].level for one in found]
            == pytest.approx(
                (growth[-len(found) :, 0] / growth[-len(found), 0]).tolist(), rel=1e-12
            )
            if found
            else True
        )
    still = replace(panel, close=np.ones((len(panel), 1)) * panel.close[0])
    assert all(one.turnover < 1e-15 for one in built(Methodology(count=3), still))


def test_the_divisor_is_the_chain_of_returns() -> None:
    """Levels by the divisor are those of the weighted returns of each session."""
    panel = market(3, chances=Chances(delisting=0))
    rules = Methodology(count=4, schedule=Schedule.WEEKLY)
    baskets = built(rules, panel)
    level = baskets[0].level
    for old, new in pairwise(baskets):
        row = int(panel.days.searchsorted(new.day))
        held = opened(old, panel.events.get(row, ()), rules)
        close = panel.close[row, old.members]
        price = np.where(np.isnan(close), held.price, close)
        weights = held.shares * held.price
        level *= float((weights / weights.sum() * price / held.price).sum())
        assert new.level == pytest.approx(level, rel=1e-12)
