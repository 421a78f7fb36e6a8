"""Folding bars into wider bars."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeapi.analytics.bars import Bars
from tradeapi.analytics.resampling import fold
from tradeapi.market.calendars.calendar import Continuous
from tradeapi.market.resolutions import Resolution

SAMPLE = Path(__file__).parents[3] / "shared/data/btcusd_1m_2022_01.csv"

prices = st.floats(1e-6, 1e9)
volumes = st.floats(0, 1e12)
bars_and_labels = st.lists(
    st.tuples(prices, prices, prices, prices, volumes, st.integers(-1, 6)), max_size=60
).map(lambda rows: sorted(rows, key=lambda row: row[5]))
Row = tuple[float, float, float, float, float, int]


def of(rows: list[Row]) -> Bars:
    return Bars.of([(60 * n, *row[:5]) for n, row in enumerate(rows)])


def one_by_one(bars: Bars, labels: list[int]) -> Bars:
    """What folding means, in plain Python."""
    folded: dict[int, list[float]] = {}
    columns = (column.tolist() for column in bars.columns()[1:])
    for label, open, high, low, close, volume in zip(labels, *columns, strict=True):
        if label == -1:
            continue
        bar = folded.setdefault(label, [open, high, low, close, 0.0])
        bar[1], bar[2], bar[3] = max(bar[1], high), min(bar[2], low), close
        bar[4] += volume
    return Bars.of([(label, *bar) for label, bar in folded.items()])


def test_a_fold_takes_first_highest_lowest_last_and_the_sum() -> None:
    """Two bars of one label become one, timed by the label."""
    bars = Bars.of([(60, 5, 9, 4, 6, 10), (120, 6, 7, 1, 2, 20), (180, 2, 3, 2, 3, 5)])
    assert fold(bars, np.array([0, 0, 180])) == Bars.of([(0, 5, 9, 1, 2, 30), (180, 2, 3, 2, 3, 5)])


def test_what_lies_outside_every_bar_is_dropped() -> None:
    """-1 may stand anywhere, as minutes of a lunch break do; other negative labels are bars."""
    bars = Bars.of([(n, n + 1, n + 1, n + 1, n + 1, 1) for n in range(4)])
    folded = fold(bars, np.array([-86400, -1, -86400, -1]))
    assert folded == Bars.of([(-86400, 1, 3, 1, 3, 2)])
    assert fold(bars, np.full(4, -1)) == Bars.empty()
    assert fold(Bars.empty(), np.empty(0, np.int64)) == Bars.empty()


@settings(deadline=None)
@given(bars_and_labels)
def test_a_fold_is_a_left_fold_bit_for_bit(rows: list[Row]) -> None:
    """However the volumes round, they round as if added one after the other."""
    labels = [row[5] for row in rows]
    assert fold(of(rows), np.array(labels, np.int64)) == one_by_one(of(rows), labels)


@settings(deadline=None)
@given(bars_and_labels, st.integers(0, 60))
def test_folding_a_beginning_first_changes_nothing(rows: list[Row], at: int) -> None:
    """A folded beginning, continued by what follows, is what folding everything gives."""
    bars, labels = of(rows), np.array([row[5] for row in rows], np.int64)
    beginning = fold(bars[:at], labels[:at])
    together = Bars.concat([beginning, bars[at:]])
    again = fold(together, np.concatenate([beginning.time, labels[at:]]))
    assert again == fold(bars, labels)


def test_a_fold_leaves_its_input_alone() -> None:
    """The result is a copy, even where every bar is its own."""
    bars = Bars.of([(0, 1, 1, 1, 1, 1), (60, 2, 2, 2, 2, 2)])
    folded = fold(bars, bars.time)
    assert folded == bars
    folded.close[0] = 9
    assert bars.close[0] == 1


@pytest.mark.skipif(not SAMPLE.exists(), reason="needs the sample bars at ../shared/data")
def test_a_month_of_real_minutes_folds_as_plain_python_folds_it() -> None:
    """Step by step up to weeks and months, prices are exact and volumes agree to rounding."""
    minutes = sample()
    levels = {Resolution.MINUTE: minutes}
    calendar = Continuous()
    for resolution in list(Resolution)[1:]:
        assert resolution.finer is not None
        children = levels[resolution.finer]
        levels[resolution] = fold(children, calendar.labels(children.time, resolution))
        labels = [calendar.label(time, resolution) for time in minutes.time.tolist()]
        expected = one_by_one(minutes, labels)
        for ours, theirs in zip(levels[resolution].columns(), expected.columns(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12 if theirs is expected.volume else 0)
    assert [len(levels[resolution]) for resolution in Resolution][-3:] == [33, 6, 3]


def sample() -> Bars:
    with SAMPLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return Bars.of(
        [
            (
                int(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()),
                *(float(row[name]) for name in ("open", "high", "low", "close", "volume")),
            )
            for row in rows
        ]
    )
