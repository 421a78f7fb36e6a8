"""What holds of every calendar at every instant."""

from collections.abc import Callable

import exchange_calendars
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeapi.analytics.bars import Bars, Int64Array
from tradeapi.analytics.resampling import fold
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.resolutions import Resolution

CalendarOf = Callable[[str], Calendar]
INTRADAY = [resolution for resolution in Resolution if resolution.is_intraday]
FROM, UNTIL = 946684800, 1798761600  # 2000 to 2026

codes = st.sampled_from(["XNYS", "XHKG", "CMES", "XNZE", "24x7"])
instants = st.integers(FROM, UNTIL)
resolutions = st.sampled_from(list(Resolution))
intraday = st.sampled_from(INTRADAY)
extended = st.booleans()
properties = settings(deadline=None, max_examples=150, derandomize=True)


def edges(calendar: Calendar, time: int) -> list[int]:
    """The instants around the next session's open, break and close, and those a second away."""
    session = calendar.session(time)
    grid = np.arange(session.open, session.close, 60)
    labels = calendar.labels(grid, Resolution.HOURS_4)
    turns = grid[np.flatnonzero(np.diff(labels)) + 1].tolist()
    marks = [time, session.open, session.close, *turns]
    return [mark + shift for mark in marks for shift in (-1, 0, 1)]


@properties
@given(codes, st.lists(instants, min_size=2, max_size=20), resolutions, extended)
def test_many_instants_are_labelled_as_each_of_them(
    calendar_of: CalendarOf, code: str, times: list[int], resolution: Resolution, extended: bool
) -> None:
    """The vectorised labels agree with the scalar ones."""
    calendar = calendar_of(code)
    times = [edge for time in times[:3] for edge in edges(calendar, time)] + times
    labels = calendar.labels(np.array(times), resolution, extended=extended)
    assert labels.tolist() == [
        calendar.label(time, resolution, extended=extended) for time in times
    ]
    assert labels.dtype == np.int64


@properties
@given(codes, instants, intraday, extended)
def test_a_bar_holds_exactly_the_instants_labelled_with_it(
    calendar_of: CalendarOf, code: str, time: int, resolution: Resolution, extended: bool
) -> None:
    """From its label up to its end, and neither a second before nor after."""
    calendar = calendar_of(code)
    for instant in edges(calendar, time):
        label = calendar.label(instant, resolution, extended=extended)
        if label == -1:
            assert not calendar.is_open(instant)
            continue
        end = calendar.end(label, resolution)
        assert label <= instant < end <= label + resolution.seconds
        inside, outside = [label, end - 1], [label - 1, end]
        assert calendar.labels(np.array(inside), resolution, extended=extended).tolist() == [
            label,
            label,
        ]
        assert label not in calendar.labels(np.array(outside), resolution, extended=extended)


@properties
@given(codes, instants, intraday, extended)
def test_a_bars_parent_is_the_one_its_instants_have(
    calendar_of: CalendarOf, code: str, time: int, resolution: Resolution, extended: bool
) -> None:
    """Labels nest: whatever a minute belongs to, so does every bar between."""
    calendar = calendar_of(code)
    times = np.array(edges(calendar, time))
    labels = calendar.labels(times, resolution, extended=extended)
    held = labels != -1
    for coarser in Resolution:
        if resolution.seconds < coarser.seconds <= 86400:
            assert np.array_equal(
                calendar.labels(labels[held], coarser, extended=extended),
                calendar.labels(times[held], coarser, extended=extended),
            )


@properties
@given(codes, instants, st.sampled_from([r for r in Resolution if r.finer is not None]))
def test_the_span_of_a_bar_holds_all_its_finer_bars(
    calendar_of: CalendarOf, code: str, time: int, resolution: Resolution
) -> None:
    """A finer bar lies in the span of the coarser bar that its own label leads to."""
    calendar = calendar_of(code)
    finer = resolution.finer
    assert finer is not None
    for instant in edges(calendar, time):
        child = calendar.label(instant, finer)
        if child == -1:
            continue
        start, end = calendar.span(calendar.label(child, resolution), resolution)
        assert start <= child < end


@properties
@given(codes, instants, intraday)
def test_bars_tile_the_session(
    calendar_of: CalendarOf, code: str, time: int, resolution: Resolution
) -> None:
    """Each bar begins where the one before ends, or after a break; together they are the day."""
    calendar = calendar_of(code)
    session = calendar.session(time)
    minutes = np.arange(session.open, session.close, 60)
    labels = np.unique(calendar.labels(minutes, resolution))
    labels = labels[labels != -1].tolist()
    ends = [calendar.end(label, resolution) for label in labels]
    assert (labels[0], ends[-1]) == (session.open, session.close)
    for end, following in zip(ends, labels[1:], strict=False):
        assert end <= following
        assert end == following or not calendar.is_open(end)
    assert calendar.end(session.day, Resolution.DAY) == session.close


@settings(deadline=None, max_examples=25, derandomize=True)
@given(codes, instants, st.integers(1, 70), st.floats(0.002, 1), extended, st.integers(0, 2**32))
def test_folding_step_by_step_is_folding_minutes_at_once(  # noqa: PLR0917  # as above
    calendar_of: CalendarOf,
    code: str,
    start: int,
    days: int,
    density: float,
    extended: bool,
    seed: int,
) -> None:
    """1m to 5m to 15m to 30m to 1h to 4h to 1d to 1w and 1M, with gaps anywhere."""
    calendar = calendar_of(code)
    random = np.random.default_rng(seed)
    grid = np.arange(start - start % 60, start + days * 86400, 60)
    kept = grid[random.random(len(grid)) < density]
    times = np.unique(calendar.labels(kept, Resolution.MINUTE, extended=extended))
    times = times[times != -1]
    levels = {Resolution.MINUTE: random_bars(random, times)}
    for resolution in list(Resolution)[1:]:
        assert resolution.finer is not None
        children = levels[resolution.finer]
        levels[resolution] = fold(
            children, calendar.labels(children.time, resolution, extended=extended)
        )
        labels = labels_of(calendar, times, resolution, extended=extended)
        assert levels[resolution] == fold(levels[Resolution.MINUTE], labels)


def labels_of(
    calendar: Calendar, times: Int64Array, resolution: Resolution, *, extended: bool
) -> Int64Array:
    if resolution.seconds <= 86400:
        return calendar.labels(times, resolution, extended=extended)
    labels = calendar.labels(times, Resolution.DAY)
    held = labels != -1
    labels[held] = calendar.labels(labels[held], resolution)
    return labels


def random_bars(random: np.random.Generator, times: Int64Array) -> Bars:
    prices = np.sort(random.lognormal(size=(len(times), 4)), axis=1)
    volume = random.integers(0, 1000, len(times)).astype(np.float64)
    low, open, close, high = prices.T.copy()
    return Bars(times, open, high, low, close, volume)


@pytest.mark.filterwarnings("ignore")  # exchange_calendars uses what pandas 3 deprecates
@pytest.mark.parametrize("code", ["XNYS", "XHKG", "CMES"])
def test_hourly_bars_are_those_of_exchange_calendars(calendar_of: CalendarOf, code: str) -> None:
    """Its own trading index over 2024 names the same hours, cut short at the same instants."""
    index = exchange_calendars.get_calendar(code).trading_index(
        "2024-01-02", "2024-12-31", "60min", force_close=True, force_break_close=True
    )
    expected = list(
        zip(
            index.left.tz_convert(None).to_numpy("datetime64[s]").astype(np.int64).tolist(),
            index.right.tz_convert(None).to_numpy("datetime64[s]").astype(np.int64).tolist(),
            strict=True,
        )
    )
    calendar = calendar_of(code)
    minutes = np.arange(expected[0][0], expected[-1][1], 60)
    labels = np.unique(calendar.labels(minutes, Resolution.HOUR))
    labels = labels[labels != -1].tolist()
    assert [(label, calendar.end(label, Resolution.HOUR)) for label in labels] == expected
