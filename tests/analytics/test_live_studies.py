"""Studies carried forward bar by bar."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.series import Columns, Temper, bars, until
from tradeapi.analytics.indicators import INDICATORS
from tradeapi.analytics.live_studies import LiveStudy, Values
from tradeapi.analytics.points import compute
from tradeapi.analytics.studies import Study

each_indicator = pytest.mark.parametrize("name", list(INDICATORS))


def bar(study: Study, columns: Columns, at: int) -> list[float]:
    return [float(columns[name][at]) for name in study.indicator.inputs]


def batch(study: Study, time: np.ndarray, columns: Columns) -> dict[int, Values]:
    points = compute(study, time, columns)
    rows = zip(*(output.tolist() for output in points.outputs.values()), strict=True)
    return dict(zip(points.time.tolist(), rows, strict=True))


@each_indicator
@settings(deadline=None, max_examples=60)
@given(
    temper=st.sampled_from(list(Temper)),
    history=st.integers(0, 120),
    period=st.sampled_from([2, 3, 14]),
    seed=st.integers(0, 2**32),
)
def test_live_values_are_those_of_history_bit_for_bit(
    name: str, temper: Temper, history: int, period: int, seed: int
) -> None:
    """From a history of any length, what is peeked, then updated, is what `compute` gives."""
    takes_period = any(each.name == "period" for each in INDICATORS[name].parameters)
    study = Study.of(name, {"period": period} if takes_period else {})
    time, columns = bars(temper, 160, seed)
    expected = batch(study, time, columns)
    live = LiveStudy(study, until(columns, history))
    for at in range(history, 160):
        wanted = expected.get(int(time[at]))
        assert live.peek(*bar(study, columns, at)) == wanted
        assert live.update(*bar(study, columns, at)) == wanted


@each_indicator
def test_a_forming_bar_leaves_no_trace(name: str) -> None:
    """However often it changes, and before the first value too."""
    study = Study.of(name, {})
    time, columns = bars(Temper.RANDOM, 120, 3)
    expected = batch(study, time, columns)
    _, wild = bars(Temper.CALMING, 120, 4)
    live = LiveStudy(study, until(columns, 0))
    for at in range(120):
        for other in (at, at - 1):
            live.peek(*bar(study, wild, other))
        live.peek(*[np.nan] * len(study.indicator.inputs))
        assert live.update(*bar(study, columns, at)) == expected.get(int(time[at]))


@each_indicator
def test_a_revised_history_is_opened_again(name: str) -> None:
    """The study that saw the old bar goes on with it; a new one agrees with the new history."""
    study = Study.of(name, {})
    time, columns = bars(Temper.RANDOM, 120, 3)
    columns["volume"] += 1
    before = LiveStudy(study, until(columns, 119))
    revised = {label: column.copy() for label, column in columns.items()}
    revised["close"][117] *= 1.01
    revised["high"][117] *= 1.02
    after = LiveStudy(study, until(revised, 119))
    last = bar(study, columns, 119)
    assert before.update(*last) == batch(study, time, columns)[int(time[119])]
    assert after.update(*last) == batch(study, time, revised)[int(time[119])]
