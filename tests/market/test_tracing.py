"""A bar's trades build it again, bit for bit."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tradeapi.market.store.blocks import VOLUME
from tradeapi.market.store.tick_bars import build
from tradeapi.market.tracing import split, trace

prices = st.floats(1e-9, 1e9)
volumes = st.floats(0, 1.7e308) | st.integers(0, 10**12).map(float)
counts = st.integers(4, 200)
seeds = st.integers()
exact = settings(deadline=None, max_examples=500, derandomize=True)


@st.composite
def bars(draw: st.DrawFn) -> list[float]:
    low, one, two, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    open, close = draw(st.permutations([one, two]))
    return [open, high, low, close, draw(volumes)]


@exact
@given(bars(), counts, seeds)
def test_a_bar_is_built_again_from_its_trades(bar: Sequence[float], count: int, seed: int) -> None:
    """Open, high, low, close and volume come out as they went in."""
    times = [600 + 60 * place / count for place in range(count)]
    trades = trace(bar, times, Random(seed))
    built, statuses = build(trades, [600] * count, {})
    assert set(statuses) == {"accepted"}
    assert built.values[0, : VOLUME + 1].tolist() == list(bar)


@exact
@given(volumes, counts, seeds)
def test_no_sum_on_the_way_to_the_volume_is_rounded(volume: float, count: int, seed: int) -> None:
    """The parts are not negative and add up from left to right, wherever one begins again."""
    parts = split(volume, count, Random(seed))
    assert len(parts) == count
    assert min(parts) >= 0
    assert reduce(add, parts) == volume
    half = reduce(add, parts[: count // 2])
    assert half + reduce(add, parts[count // 2 :]) == volume


def test_whole_shares_trade_in_whole_shares() -> None:
    """A volume of many whole shares is not split into fractions of one."""
    assert all(size.is_integer() for size in split(123_457.0, 60, Random(1)))


def test_prices_have_the_bars_decimals() -> None:
    """Between the bar's own prices there are none with more decimals."""
    trades = trace([10.25, 11.5, 9.75, 11.0, 600.0], range(60), Random(1))
    assert all(round(trade.price, 2) == trade.price for trade in trades)


def test_a_rising_bar_falls_first() -> None:
    """Its low comes before its high; in a falling bar it is the other way round."""
    rising = [trade.price for trade in trace([2, 4, 1, 3, 9], range(30), Random(1))]
    falling = [trade.price for trade in trace([3, 4, 1, 2, 9], range(30), Random(1))]
    assert rising.index(1) < rising.index(4)
    assert falling.index(4) < falling.index(1)
