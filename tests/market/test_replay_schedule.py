"""When a replay sends what."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeapi.analytics.bars import Bars
from tradeapi.market.replaying.schedule import (
    LONGEST_WAIT_SECONDS,
    MOST_TICKS,
    SLOT_SECONDS,
    schedule,
)
from tradeapi.market.store.blocks import VOLUME
from tradeapi.market.store.tick_bars import build


def minutes(times: list[int]) -> Bars:
    """Bars at these minutes of 2022."""
    random = np.random.default_rng(len(times))
    open, close = random.uniform(10, 20, (2, len(times)))
    return Bars(
        time=1640995200 + 60 * np.array(times, np.int64),
        open=open,
        high=np.maximum(open, close) + 1,
        low=np.minimum(open, close) - 1,
        close=close,
        volume=random.uniform(0, 1e6, len(times)),
    )


places = st.lists(st.integers(0, 3000), min_size=1, max_size=80, unique=True).map(sorted)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(places, st.sampled_from([0.5, 1, 60, 600, 1e5]))
def test_the_trades_build_the_file_again(times: list[int], speed: float) -> None:
    """All of them, in order, bit for bit."""
    bars = minutes(times)
    ticks = [tick for batch in schedule(bars, speed) for tick in batch.ticks]
    assert all(one.time < two.time for one, two in pairwise(ticks))
    built, _ = build(ticks, [int(tick.time) // 60 * 60 for tick in ticks], {})
    assert built.time.tolist() == bars.time.tolist()
    assert np.array_equal(built.values[:, : VOLUME + 1].T, bars.columns()[1:])


@settings(deadline=None, max_examples=100, derandomize=True)
@given(places, st.sampled_from([0.5, 1, 60, 600, 1e5]))
def test_something_happens_every_second(times: list[int], speed: float) -> None:
    """Whatever the speed, and however long nothing happened in the file."""
    dues = [batch.due for batch in schedule(minutes(times), speed)]
    gaps = [two - one for one, two in pairwise(dues)]
    assert all(0 <= gap <= LONGEST_WAIT_SECONDS + SLOT_SECONDS for gap in gaps)


def test_an_hour_takes_six_seconds_at_600() -> None:
    """The speed is market seconds per second."""
    batches = list(schedule(minutes(list(range(60))), 600))
    assert 5.9 < batches[-1].due < 6


def test_a_night_is_shortened() -> None:
    """Between two bars a day apart lies a second."""
    batches = list(schedule(minutes([0, 1440]), 60))
    assert batches[-1].due < 2 + LONGEST_WAIT_SECONDS


def test_batches_stay_small() -> None:
    """However fast, one request holds a bounded number of trades."""
    sizes = [len(batch.ticks) for batch in schedule(minutes(list(range(3000))), 1e9)]
    assert max(sizes) == MOST_TICKS
