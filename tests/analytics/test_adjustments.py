"""Restating prices for splits and dividends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.analytics.adjustments import (
    Action,
    Adjustment,
    Factors,
    adjust,
    excessive,
    previous_closes,
)
from tradeapi.analytics.bars import Bars

DAY = 86400
RAW, SPLITS, ALL = Adjustment.RAW, Adjustment.SPLITS, Adjustment.ALL


def daily(closes: list[float], volume: float = 100) -> Bars:
    return Bars.of(
        [(n * DAY, close, close, close, close, volume) for n, close in enumerate(closes)]
    )


def adjusted(
    bars: Bars, actions: list[Action], adjustment: Adjustment, basis: Adjustment = RAW
) -> Bars:
    """As a reader of daily bars does it."""
    days = np.array([action.effective for action in actions], np.int64)
    return adjust(bars, Factors.of(actions, previous_closes(days, bars), adjustment, basis))


def test_the_published_example_comes_out() -> None:
    """Yahoo Finance's sample calculation: a 2:1 split on day 2, 0.08 paid on day 5."""
    bars = daily([46.99, 48.30, 24.96, 24.91, 24.95, 24.53, 24.54])
    actions = [Action("split", 2 * DAY, 2), Action("dividend", 5 * DAY, 0.08)]
    assert adjusted(bars, actions, ALL).close.round(2).tolist() == [
        *(23.42, 24.07, 24.88, 24.83, 24.87),
        *(24.53, 24.54),
    ]
    assert adjusted(bars, actions, SPLITS).close.tolist() == [
        *(46.99 / 2, 48.30 / 2),
        *(24.96, 24.91, 24.95, 24.53, 24.54),
    ]
    assert adjusted(bars, actions, RAW) == bars


def test_volume_follows_splits_only() -> None:
    """Twice the shares trade twice the volume; a dividend leaves it."""
    bars = daily([40, 20, 20])
    actions = [Action("split", DAY, 2), Action("dividend", 2 * DAY, 1)]
    assert adjusted(bars, actions, ALL).volume.tolist() == [200, 100, 100]


def test_a_reverse_split_raises_earlier_prices() -> None:
    """One new share for five old ones."""
    assert adjusted(daily([2, 10]), [Action("split", DAY, 0.2)], SPLITS).close.tolist() == [10, 10]


def test_actions_take_effect_at_their_instant() -> None:
    """Intraday the bar at the session's open is the first on the new terms."""
    factors = Factors.of([Action("split", 1000, 4)], np.array([8.0]), SPLITS)
    price, volume = factors.at(np.array([940, 999, 1000, 1060]))
    assert price.tolist() == [0.25, 0.25, 1, 1]
    assert volume.tolist() == [4, 4, 1, 1]


def test_what_the_stored_prices_contain_is_not_applied_again() -> None:
    """On split-adjusted closes only dividends are left; on fully adjusted ones nothing is."""
    traded = daily([40, 44, 20, 21])
    split, dividend = Action("split", 2 * DAY, 2), Action("dividend", DAY, 4)
    wanted = adjusted(traded, [split, dividend], ALL)
    stored = adjusted(traded, [split], SPLITS)
    assert adjusted(stored, [split, dividend], SPLITS, basis=SPLITS) == stored
    assert adjusted(stored, [split, dividend], RAW, basis=SPLITS) == stored
    again = adjusted(stored, [split, dividend], ALL, basis=SPLITS)
    np.testing.assert_allclose(again.close, wanted.close, rtol=1e-15)
    assert adjusted(wanted, [split, dividend], ALL, basis=ALL) == wanted


def test_a_dividend_on_the_day_of_a_split_is_per_old_share() -> None:
    """4 on a close of 40 is a tenth, whatever basis the closes are on."""
    actions = [Action("dividend", DAY, 4), Action("split", DAY, 2)]
    assert adjusted(daily([40, 18]), actions, ALL).close.tolist() == [18, 18]
    assert adjusted(daily([20, 18]), actions, ALL, basis=SPLITS).close.tolist() == [18, 18]


def test_a_special_dividend_is_one_of_its_day() -> None:
    """With the dividend of the day it is one amount, in whatever order; splits know none of it."""
    bars = daily([40, 30, 30])
    paid = [Action("dividend", DAY, 4), Action("special", DAY, 6), Action("special", 2 * DAY, 3)]
    for actions in (paid, paid[::-1]):
        assert adjusted(bars, actions, ALL).close.tolist() == pytest.approx([27, 27, 30])
        assert adjusted(bars, actions, ALL).volume.tolist() == [100] * 3
        assert adjusted(bars, actions, SPLITS) == bars
    assert excessive(paid, np.array([10.0, 10.0, 30.0])) == {
        paid[1]: "What is paid on one day must be below the close before it (10), was 10."
    }


def test_a_dividend_without_a_close_below_it_moves_nothing() -> None:
    """Neither one from before the first bar nor one that a correction made impossible."""
    bars = daily([2, 3])
    assert adjusted(bars, [Action("dividend", 0, 1)], ALL) == bars
    assert adjusted(bars, [Action("dividend", DAY, 2)], ALL) == bars


@pytest.mark.parametrize(
    ("kind", "value"),
    [("split", 0), ("split", -2), ("split", float("nan")), ("dividend", -1), ("dividend", 1e999)],
)
def test_impossible_values_are_refused(kind: str, value: float) -> None:
    """A ratio is above 0, an amount is not negative, and both are numbers."""
    with pytest.raises(ValueError, match=r"must"):
        Action("split" if kind == "split" else "dividend", 0, value)


def test_a_dividend_as_large_as_the_close_before_it_is_refused() -> None:
    """Compared as traded: 25 is possible on a stored close of 20 that was traded at 40."""
    dividend, split = Action("dividend", DAY, 25), Action("split", 2 * DAY, 2)
    closes = np.array([20.0, np.nan])
    assert excessive([dividend, split], closes, SPLITS) == {}
    assert excessive([dividend], np.array([np.nan])) == {}
    assert excessive([dividend], np.array([20.0]), ALL) == {}
    assert excessive([dividend, split], closes) == {
        dividend: "A dividend must be below the close before it (20), was 25."
    }


def test_previous_closes_are_those_of_the_last_bar_before() -> None:
    """Across gaps, and NaN before the first bar."""
    bars = daily([1, 2, 3])[np.array([True, False, True])]
    days = np.array([0, DAY, 2 * DAY, 9 * DAY])
    np.testing.assert_array_equal(previous_closes(days, bars), [np.nan, 1, 1, 3])


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0.1, 10)), max_size=8),
    st.lists(st.tuples(st.integers(1, 30), st.floats(0, 40)), max_size=8),
)
def test_adjusted_prices_keep_their_order_and_the_last_bar(
    splits: list[tuple[int, float]], dividends: list[tuple[int, float]]
) -> None:
    """No price turns negative, none crosses another of its bar, and today's stay as traded."""
    bars = Bars.of([(n * DAY, 51, 60 + n, 50 - n, 55, 10) for n in range(31)])
    actions = [Action("split", day * DAY, ratio) for day, ratio in splits]
    actions += [Action("dividend", day * DAY, amount) for day, amount in dividends]
    result = adjusted(bars, actions, ALL)
    assert (result.low > 0).all()
    assert (result.low <= result.open).all()
    assert (result.close <= result.high).all()
    assert result[30:] == bars[30:]
