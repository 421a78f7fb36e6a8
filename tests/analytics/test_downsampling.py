"""Fewer points that draw the same picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.series import Temper, bars
from tradeapi.analytics.bars import Bars
from tradeapi.analytics.downsampling import FEWEST_POINTS, candles, line

seeds = st.integers(0, 2**32)
most = st.integers(FEWEST_POINTS, 60)
drawable = st.sampled_from([temper for temper in Temper if temper is not Temper.HOLED])


def made(temper: Temper, count: int, seed: int) -> Bars:
    time, columns = bars(temper, count, seed)
    close = columns["close"]
    return Bars(time, close, columns["high"], columns["low"], close, columns["volume"])


@settings(deadline=None)
@given(drawable, st.integers(0, 400), most, seeds)
def test_a_line_keeps_its_ends_and_its_extremes(
    temper: Temper, count: int, max_points: int, seed: int
) -> None:
    """In at most as many points as asked for, each one of the line, in order."""
    run = made(temper, count, seed)
    chosen = line(run.time, run.close, max_points)
    assert len(chosen) == count if count <= max_points else len(chosen) <= max_points
    assert (np.diff(chosen) > 0).all()
    if count:
        assert {0, count - 1, run.close.argmin(), run.close.argmax()} <= set(chosen.tolist())


def test_a_line_is_not_thinner_than_it_must_be() -> None:
    """Of ten thousand points as many are left as asked for, or but the two kept for extremes."""
    run = made(Temper.RANDOM, 10_000, 1)
    assert len(line(run.time, run.close, 500)) in {498, 499, 500}


def test_columns_that_are_views_can_be_drawn() -> None:
    """The library wants them in one piece."""
    table = np.random.default_rng(1).random((100, 3))
    assert len(line(np.arange(200)[::2], table[:, 1], 10)) <= 10


@settings(deadline=None)
@given(drawable, st.integers(1, 400), most, seeds)
def test_candles_keep_what_was_traded(
    temper: Temper, count: int, max_points: int, seed: int
) -> None:
    """The first time and open, the last close, the highest, the lowest, and all volume."""
    run = made(temper, count, seed)
    fewer, width = candles(run, run.time // 60, max_points)
    assert len(fewer) <= max_points
    assert (fewer.time[0], fewer.open[0]) == (run.time[0], run.open[0])
    assert fewer.close[-1] == run.close[-1]
    assert (fewer.high.max(), fewer.low.min()) == (run.high.max(), run.low.min())
    np.testing.assert_allclose(fewer.volume.sum(), run.volume.sum())
    assert np.isin(fewer.time, run.time).all()
    assert (width == 1) == (count <= max_points)


@settings(deadline=None)
@given(st.integers(61, 400), most, seeds)
def test_candles_are_as_narrow_as_fits(count: int, max_points: int, seed: int) -> None:
    """One step less would be too many of them, and each lies within one multiple of the width."""
    run = made(Temper.RANDOM, count, seed)
    steps = run.time // 60
    fewer, width = candles(run, steps, max_points)
    assert len(fewer) == len(set((steps // width).tolist()))
    assert len(set((steps // (width - 1)).tolist())) > max_points


def test_candles_stay_when_others_come_into_view() -> None:
    """All but the first, of which a part was out of view."""
    run = made(Temper.RANDOM, 400, 1)
    steps = run.time // 60
    later, width = candles(run[10:], steps[10:], 50)
    sooner, same = candles(run[5:], steps[5:], 50)
    assert width == same
    assert later[1:] == sooner[-len(later) + 1 :]


def test_candles_of_months_are_whole_months() -> None:
    """Their steps are numbered by the calendar."""
    months = np.arange("2000-01", "2010-01", dtype="datetime64[M]")
    time = months.astype("datetime64[s]").astype(np.int64)
    run = Bars(time, *(np.arange(120.0) for _ in range(5)))
    fewer, width = candles(run, months.astype(np.int64), 40)
    assert width == 3
    assert fewer.time.tolist() == time[::3].tolist()


@pytest.mark.parametrize("max_points", [-1, 0, 4])
def test_fewer_than_five_points_can_not_keep_the_picture(max_points: int) -> None:
    """The caller has checked it."""
    run = made(Temper.RANDOM, 10, 1)
    with pytest.raises(ValueError, match="must be 5 or more"):
        line(run.time, run.close, max_points)
    with pytest.raises(ValueError, match="must be 5 or more"):
        candles(run, run.time // 60, max_points)
