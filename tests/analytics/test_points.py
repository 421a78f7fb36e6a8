"""Studies over histories."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.analytics.series import DAY, Columns, Temper, bars, since
from tradeapi.analytics.indicators import INDICATORS
from tradeapi.analytics.points import Points, compute, is_settled
from tradeapi.analytics.studies import Study

studies = st.sampled_from(list(INDICATORS)).map(lambda name: Study.of(name, {}))
tempers = st.sampled_from(list(Temper))
seeds = st.integers(0, 2**32)
each_study = pytest.mark.parametrize("study", [Study.of(name, {}) for name in INDICATORS])


def of(close: list[float]) -> tuple[np.ndarray, Columns]:
    return np.arange(len(close)) * 60, {"close": np.array(close, np.float64)}


def points(name: str, close: list[float], **parameters: float) -> Points:
    return compute(Study.of(name, parameters), *of(close))


def test_the_average_of_three() -> None:
    """The warm-up has no points, so the first stands at the third bar."""
    average = points("sma", [1, 2, 6, 4], period=3)
    assert average.time.tolist() == [120, 180]
    assert average.outputs["sma"].tolist() == [3, 4]
    assert len(average) == 2


def test_bands_lie_around_their_average() -> None:
    """Two outputs of one standard deviation, of the population, away from the middle."""
    bands = points("bollinger", [1, 2, 3, 2, 1, 2, 3], period=4, deviations=1)
    deviation = np.std([1, 2, 3, 2])
    assert list(bands.outputs) == ["upper", "middle", "lower"]
    assert bands.outputs["middle"].tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(bands.outputs["upper"], 2 + deviation)
    np.testing.assert_allclose(bands.outputs["lower"], 2 - deviation)


def test_the_published_example_of_the_rsi_comes_out() -> None:
    """StockCharts ChartSchool, "Relative Strength Index": its first values, from its closes."""
    closes = [
        *(44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08),
        *(45.89, 46.03, 45.61, 46.28, 46.28, 46.00, 46.03, 46.41, 46.22, 45.64),
    ]
    rsi = points("rsi", closes).outputs["rsi"]
    np.testing.assert_allclose(rsi[:5], [70.46, 66.25, 66.48, 69.35, 66.29], atol=0.02)


def test_the_vwap_begins_anew_with_each_session() -> None:
    """Typical price times volume over volume; a session has no point until it has traded."""
    columns = {
        "session": np.array([0, 0, 0, DAY, DAY], np.float64),
        "high": np.array([3.0, 6, 9, 30, 60]),
        "low": np.array([3.0, 6, 9, 30, 60]),
        "close": np.array([3.0, 6, 9, 30, 60]),
        "volume": np.array([1.0, 2, 0, 0, 4]),
    }
    vwap = compute(Study.of("vwap", {}), np.arange(5), columns)
    assert vwap.time.tolist() == [0, 1, 2, 4]
    assert vwap.outputs["vwap"].tolist() == [3, 5, 5, 60]


@each_study
def test_too_few_bars_have_no_points(study: Study) -> None:
    """None, or as many as precede the first value; one more has one."""
    time, columns = bars(Temper.RANDOM, study.lookback + 5, 1)
    columns["volume"] += 1
    assert (
        len(compute(study, time[:0], {name: column[:0] for name, column in columns.items()})) == 0
    )
    for count, expected in [(study.lookback, 0), (study.lookback + 1, 1)]:
        head = {name: column[:count] for name, column in columns.items()}
        result = compute(study, time[:count], head)
        assert len(result) == expected
        assert [len(output) for output in result.outputs.values()] == [expected] * len(
            study.indicator.outputs
        )


@settings(deadline=None)
@given(studies, tempers, st.integers(0, 200), seeds)
def test_what_is_shown_is_a_number(study: Study, temper: Temper, count: int, seed: int) -> None:
    """Whatever comes in: every output of every point is finite, and times ascend."""
    time, columns = bars(temper, count, seed)
    result = compute(study, time, columns)
    assert list(result.outputs) == list(study.indicator.outputs)
    assert all(np.isfinite(output).all() for output in result.outputs.values())
    assert all(len(output) == len(result) for output in result.outputs.values())
    assert (np.diff(result.time) > 0).all()
    assert np.isin(result.time, time).all()


@each_study
def test_a_market_that_stands_still_has_points(study: Study) -> None:
    """Flat prices divide by nothing in no formula of TA-Lib, and the VWAP is the price."""
    time, columns = bars(Temper.FLAT, 200, 1)
    columns["volume"] += 1
    assert len(compute(study, time, columns)) == 200 - study.lookback


@settings(deadline=None)
@given(studies, seeds)
def test_a_hole_counts_as_no_bar(study: Study, seed: int) -> None:
    """The points are those of the bars without it."""
    time, columns = bars(Temper.HOLED, 200, seed)
    inputs = {name: columns[name] for name in study.indicator.inputs}
    whole = np.logical_and.reduce([np.isfinite(column) for column in inputs.values()])
    theirs = compute(study, time[whole], {name: column[whole] for name, column in inputs.items()})
    ours = compute(study, time, inputs)
    np.testing.assert_array_equal(ours.time, theirs.time)
    for name, output in ours.outputs.items():
        np.testing.assert_array_equal(output, theirs.outputs[name])


def test_the_bars_are_left_alone() -> None:
    """The VWAP adds up copies."""
    time, columns = bars(Temper.RANDOM, 100, 1)
    before = {name: column.copy() for name, column in columns.items()}
    for name in INDICATORS:
        compute(Study.of(name, {}), time, columns)
    for name, column in columns.items():
        np.testing.assert_array_equal(column, before[name])


def test_warm_ups() -> None:
    """What has to be loaded before the first bar shown, with default parameters."""
    assert {name: Study.of(name, {}).warm_up for name in INDICATORS} == {
        "sma": 29,
        "ema": 444,
        "wma": 29,
        "rsi": 387,
        "macd": 517,
        "bollinger": 19,
        "atr": 387,
        "adx": 773,
        "stochastic": 8,
        "cci": 13,
        "obv": 0,
        "vwap": 0,
    }


def scale(study: Study, close: float) -> float:
    """What the difference of two values is measured by, at least."""
    in_price = {"macd", "bollinger", "sma", "wma", "ema", "vwap"}
    if study.indicator.name in in_price:
        return close
    return 0 if study.indicator.name == "atr" else 100


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([study for study in INDICATORS if study != "obv"]),
    st.sampled_from([Temper.RANDOM, Temper.RESTING, Temper.CALMING, Temper.TINY, Temper.HUGE]),
    st.sampled_from([3, 14, 30]),
    st.integers(0, 1500),
    seeds,
)
def test_a_settled_value_is_that_of_the_whole_history(
    name: str, temper: Temper, period: int, start: int, seed: int
) -> None:
    """From the first settled bar on, no earlier bar makes a difference above 1e-9."""
    # A CCI divides by how much prices deviate, so where they hardly do its rounding shows.
    assume(name != "cci" or (temper is not Temper.RESTING and period > 3))
    takes_period = any(each.name == "period" for each in INDICATORS[name].parameters)
    study = Study.of(name, {"period": period} if takes_period else {})
    time, columns = bars(temper, 4000, seed)
    at = study.warm_up
    late = since(columns, start)
    while start + at < 4000 and not is_settled(study, late, at):
        at += 50
    if start + at >= 4000:
        return
    whole, ours = compute(study, time, columns), compute(study, time[start:], late)
    first = time[start + at]
    np.testing.assert_array_equal(ours.time[ours.time >= first], whole.time[whole.time >= first])
    for label, output in ours.outputs.items():
        np.testing.assert_allclose(
            output[ours.time >= first],
            whole.outputs[label][whole.time >= first],
            rtol=1e-9,
            atol=1e-9 * scale(study, columns["close"][start:].min()),
        )


@each_study
def test_the_warm_up_settles_a_market_that_moves(study: Study) -> None:
    """For what forgets: one bar less does not."""
    _, columns = bars(Temper.RANDOM, 2000, 7)
    if study.warm_up:
        assert is_settled(study, columns, study.warm_up)
        assert not is_settled(study, columns, study.warm_up - 1)


def test_a_long_rest_needs_earlier_bars() -> None:
    """An RSI stays where the last moves left it, so bars that don't move can't tell it."""
    rest = [10.0, 11, 10, 12] * 100 + [10.0] * 500
    study = Study.of("rsi", {})
    _, columns = of(rest)
    assert is_settled(study, columns, 899)
    assert not is_settled(study, since(columns, 400), 499)
    assert not is_settled(study, since(columns, 300), 599)


def test_on_balance_volume_is_never_settled() -> None:
    """It adds up from the first bar there is."""
    _, columns = bars(Temper.RANDOM, 2000, 7)
    assert not is_settled(Study.of("obv", {}), columns, 1999)


def test_a_vwap_is_settled_once_its_session_began() -> None:
    """Within the first session earlier bars may be missing."""
    study = Study.of("vwap", {})
    _, columns = bars(Temper.RANDOM, 2000, 7)
    second = int(np.flatnonzero(np.diff(columns["session"]))[0]) + 1
    assert not is_settled(study, columns, second - 1)
    assert is_settled(study, columns, second)


@each_study
def test_without_bars_nothing_is_settled(study: Study) -> None:
    """Nor with bars of which none can be used."""
    nothing = {name: np.full(3, np.nan) for name in study.indicator.inputs}
    assert not is_settled(study, nothing, 2)
    assert not is_settled(study, since(nothing, 3), 0)
