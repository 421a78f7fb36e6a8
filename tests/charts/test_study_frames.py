"""Points of indicators, read page by page from whatever they are computed over."""

import asyncio
from collections.abc import Sequence
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.series import Columns, Temper, bars
from tradeapi.analytics.indicators import INDICATORS
from tradeapi.analytics.points import compute
from tradeapi.analytics.studies import Study
from tradeapi.charts import study_frames
from tradeapi.charts.chunks import Window
from tradeapi.charts.frames import Frame, Frames
from tradeapi.charts.study_frames import StudyFrames
from tradeapi.errors import Invalid

TEMPERS = [
    *(Temper.RANDOM, Temper.FLAT, Temper.RESTING, Temper.CALMING),
    *(Temper.HUGE, Temper.HOLED, Temper.WITHOUT_VOLUME),
]
Points = list[tuple[float, float]]


class GivenFrames:
    """A series in memory."""

    def __init__(self, time: np.ndarray, columns: Columns) -> None:
        self.time = time.astype(np.float64)
        self.columns = columns
        self.asked: list[Window] = []

    async def read(self, window: Window) -> Frame:
        self.asked.append(window)
        low = int(self.time.searchsorted(window.after, "right"))
        high = int(self.time.searchsorted(window.before))
        first, last = low, max(low, high)
        if window.earliest:
            last = min(last, first + window.limit)
        else:
            first = max(first, last - window.limit)
        columns = {name: column[first:last] for name, column in self.columns.items()}
        return Frame(self.time[first:last], columns, first > 0, last < len(self.time))


@st.composite
def studies(draw: st.DrawFn, names: Sequence[str] = tuple(INDICATORS)) -> tuple[Study, str]:
    """With short periods, so that histories are long beside them; and one of the outputs."""
    name = draw(st.sampled_from(names))
    parameters: dict[str, object] = {}
    for parameter in INDICATORS[name].parameters:
        if parameter.name in {"period", "signal", "k"}:
            parameters[parameter.name] = draw(st.integers(2, 12))
    study = Study.of(name, {**parameters, **({"fast": 3, "slow": 7} if name == "macd" else {})})
    return study, draw(st.sampled_from(study.indicator.outputs))


async def back(frames: Frames, count: int) -> Points:
    """All pages, from the last on."""
    found: Points = []
    before = inf
    while True:
        page = await frames.read(Window(count, before=before))
        found = points(page) + found
        assert len(page) <= count
        if not page.has_more_before:
            return found
        assert len(page) == count, "a page that is not full is the first"
        before = float(page.time[0])


async def on(frames: Frames, count: int, after: float) -> Points:
    """All pages, from an instant on."""
    found: Points = []
    while True:
        page = await frames.read(Window(count, after=after, earliest=True))
        found += points(page)
        if not len(page):
            return found
        after = float(page.time[-1])


def points(frame: Frame) -> Points:
    return list(zip(frame.time.tolist(), frame.columns["close"].tolist(), strict=True))


def whole(study: Study, output: str, time: np.ndarray, columns: Columns) -> Frame:
    """Over the whole history at once."""
    found = compute(study, time, columns)
    return Frame(found.time.astype(np.float64), {"close": found.outputs[output]}, False, False)


def assert_same(ours: Points, theirs: Points, scale: float) -> None:
    assert [time for time, _ in ours] == [time for time, _ in theirs]
    values = [value for _, value in ours], [value for _, value in theirs]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-9 * scale)


def scale_of(columns: Columns) -> float:
    """What differences are measured by: values of some cross 0."""
    close = columns["close"][np.isfinite(columns["close"])]
    return max(100.0, float(np.abs(close).max(initial=0)))


@settings(deadline=None, max_examples=200)
@given(
    studies(),
    st.sampled_from(TEMPERS),
    st.integers(0, 1500),
    st.integers(1, 700),
    st.integers(0, 2**32),
)
def test_pages_are_what_the_whole_history_gives(
    chosen: tuple[Study, str], temper: Temper, count: int, page: int, seed: int
) -> None:
    """From either end, whatever the market did; a page is full as long as there is more before."""
    time, columns = bars(temper, count, seed)
    study, output = chosen
    frames = StudyFrames(study, output, GivenFrames(time, columns))
    expected = points(whole(study, output, time, columns))
    scale = scale_of(columns)
    assert_same(asyncio.run(back(frames, max(page, count // 20))), expected, scale)
    after = float(time[seed % count]) if count else 0.0
    later = [point for point in expected if point[0] > after]
    assert_same(asyncio.run(on(frames, max(page, count // 20), after)), later, scale)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(studies(["sma", "ema", "rsi", "bollinger"]), min_size=2, max_size=3),
    st.sampled_from([Temper.RANDOM, Temper.HOLED]),
    st.integers(0, 2500),
    st.integers(50, 700),
    st.integers(0, 2**32),
)
def test_pages_of_a_chain_are_what_the_whole_history_gives(
    chain: list[tuple[Study, str]], temper: Temper, count: int, page: int, seed: int
) -> None:
    """An indicator of an indicator loads what both need."""
    time, columns = bars(temper, count, seed)
    frames: Frames = GivenFrames(time, columns)
    expected = Frame(time.astype(np.float64), columns, False, False)
    for study, output in chain:
        frames = StudyFrames(study, output, frames)
        expected = whole(study, output, expected.time, dict(expected.columns))
    assert_same(asyncio.run(back(frames, page)), points(expected), scale_of(columns))


@pytest.mark.parametrize("name", INDICATORS)
def test_no_more_is_loaded_than_matters(name: str) -> None:
    """The warm-up of the indicator, a session, or for a sum of everything all there is."""
    study = Study.of(name, {})
    time, columns = bars(Temper.RANDOM, 30_000, 1)
    of = GivenFrames(time, columns)
    frames = StudyFrames(study, study.indicator.outputs[0], of)
    assert len(asyncio.run(frames.read(Window(100)))) == 100
    limits = [window.limit for window in of.asked]
    if name == "obv":
        assert limits == [100 + study_frames.MOST_EARLIER]
    elif name == "vwap":
        assert limits[-1] <= 4 * 1000
    else:
        assert limits == [101 + study.warm_up]


def test_what_depends_on_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum over a long history, and an index of a market that never moved."""
    monkeypatch.setattr(study_frames, "MOST_EARLIER", 1000)
    time, columns = bars(Temper.FLAT, 1200, 1)
    for name in ("obv", "rsi"):
        frames = StudyFrames(Study.of(name, {}), name, GivenFrames(time, columns))
        with pytest.raises(Invalid, match="more than 1,000 points") as refused:
            asyncio.run(frames.read(Window(100)))
        assert refused.value.code == "history_too_long"
        assert len(asyncio.run(frames.read(Window(200)))) == 200


def test_points_without_a_value_are_no_points() -> None:
    """Whitespace before, between and after: pages go on beyond it."""
    close = np.full(5000, np.nan)
    close[[10, 20, 4000, 4500]] = [1.0, 2, 3, 4]
    time = np.arange(5000)
    frames = StudyFrames(Study.of("sma", {"period": 2}), "sma", GivenFrames(time, {"close": close}))
    assert asyncio.run(back(frames, 1)) == [(20, 1.5), (4000, 2.5), (4500, 3.5)]
    assert asyncio.run(on(frames, 2, 20)) == [(4000, 2.5), (4500, 3.5)]
