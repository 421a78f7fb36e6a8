"""What the columns of files mean."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.market.importing.detection import detect
from tradeapi.market.importing.seen import Seen
from tradeapi.market.importing.tables import Unusable
from tradeapi.market.importing.values import instants, numbers
from tradeapi.market.resolutions import Resolution

SECOND = 1577934000  # 2020-01-02 03:00 UTC


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["2020-01-02 03:00"]),
        pa.array(["2020-01-02T03:00:00.000000"]),
        pa.array(["2020-01-02T03:00:00Z"]),
        pa.array(["2020-01-01 22:00:00-05:00"]),
        pa.array([" 2020-01-02 03:00 "]).dictionary_encode(),
        pa.array([str(SECOND)]),
        pa.array([f"{SECOND}000"]),
        pa.array([SECOND]),
        pa.array([SECOND * 1000.0]),
        pa.array([datetime(2020, 1, 2, 3, tzinfo=UTC)], pa.timestamp("ns", "Asia/Tokyo")),
        pa.array([datetime(2020, 1, 2, 3, tzinfo=UTC).replace(tzinfo=None)], pa.timestamp("s")),
    ],
)
def test_an_instant_is_understood_in_every_form(column: pa.Array) -> None:
    """Text, numbers and Arrow's own types."""
    assert instants(column).seconds.tolist() == [SECOND]


@pytest.mark.parametrize(
    ("column", "local"),
    [
        (pa.array(["2020-01-01 22:00:00-05:00"]), "2020-01-01 22:00"),
        (pa.array(["2020-07-02 00:00:00-0400", "x"]), "2020-07-02 00:00"),
        (pa.array(["2020-01-02 03:00"]), "2020-01-02 03:00"),
        (
            pa.array([datetime(2020, 1, 2, 5, tzinfo=UTC)], pa.timestamp("us", "America/New_York")),
            "2020-01-02 00:00",
        ),
        (pa.array([date(2020, 1, 2)]), "2020-01-02 00:00"),
        (pa.array(["20200102"]), "2020-01-02 00:00"),
        (pa.array([20200102]), "2020-01-02 00:00"),
        (pa.array([20200102.0, None]), "2020-01-02 00:00"),
    ],
)
def test_a_clock_with_a_zone_is_also_read_as_it_stands(column: pa.Array, local: str) -> None:
    """That is the day of daily bars; eight digits are a day too."""
    expected = datetime.fromisoformat(local).replace(tzinfo=UTC).timestamp()
    assert instants(column).local[0] == expected


def test_what_is_no_time_is_not_one() -> None:
    """Whatever stands around it."""
    texts = ["2020-01-02", "x", "", None, "2020-02-30", "20201301", "1577934000", "2020-01-02T03Z"]
    found = instants(pa.array(texts)).seconds
    assert np.isnan(found).tolist() == [False, True, True, True, True, True, False, False]
    assert instants(pa.array([None, None], pa.string())).seconds.shape == (2,)


def test_numbers_missing_values_and_nonsense_are_told_apart() -> None:
    """Also in a column that is text."""
    texts = ["1", " 2.5 ", "1e3", "+.5", "", None, "NaN", "null", "-", "inf", "one", "1,5", "0x1"]
    values, nonsense = numbers(pa.array(texts))
    expected = [1, 2.5, 1000, 0.5, *[np.nan] * 5, np.inf, *[np.nan] * 3]
    np.testing.assert_array_equal(values, expected)
    assert nonsense.tolist() == [False] * 10 + [True] * 3
    values, nonsense = numbers(pa.array([1, None], pa.int64()))
    np.testing.assert_array_equal(values, [1, np.nan])
    assert not nonsense.any()


def test_slices_of_columns_are_read_from_where_they_begin() -> None:
    """Arrow hands out parts of larger arrays."""
    column = pa.array([1.0, None, 3.0, None, 5.0])[1:4]
    np.testing.assert_array_equal(numbers(column)[0], [np.nan, 3, np.nan])


def test_columns_of_lists_are_no_numbers() -> None:
    """Which is said."""
    with pytest.raises(Unusable, match="holds list"):
        numbers(pa.array([[1], [2]]))


@pytest.mark.parametrize("resolution", list(Resolution))
def test_the_resolution_is_the_smallest_common_spacing(resolution: Resolution) -> None:
    """Whatever the order of the rows is, and with gaps and symbols that have one bar."""
    times = np.arange(400) * resolution.seconds
    times = times[times % 5 != 3]
    codes = np.append(np.arange(len(times)) % 2 * 0, 7).astype(np.int32)
    seconds = np.append(times, 5).astype(np.float64)
    order = np.random.default_rng(1).permutation(len(codes))
    assert detect(codes[order], seconds[order]) is resolution


def test_a_resolution_that_can_not_be_told_is_asked_for() -> None:
    """One bar per symbol, or none with a time."""
    with pytest.raises(Unusable, match="--resolution"):
        detect(np.array([0, 1], np.int32), np.array([60.0, 120.0]))
    with pytest.raises(Unusable, match="--resolution"):
        detect(np.array([0, 0], np.int32), np.array([np.nan, np.nan]))


def test_months_named_by_their_first_trading_day_are_months() -> None:
    """The shortest way from one to the next is 26 days."""
    days = ["2020-01-02", "2020-02-03", "2020-03-02", "2020-04-01", "2021-02-01", "2021-03-01"]
    seconds = np.array(days, "datetime64[s]").astype(np.float64)
    assert detect(np.zeros(6, np.int32), seconds) is Resolution.MONTH


@given(st.lists(st.sets(st.integers(0, 300), min_size=1), min_size=1), st.integers(1, 7))
def test_times_that_were_seen_are_known(additions: list[set[int]], step: int) -> None:
    """Exactly those, however they came."""
    seen, expected = Seen(step), set[int]()
    every = np.arange(301)
    for times in additions:
        new = times - expected
        if new:
            seen.add(np.array([*new], np.int64))
        expected |= times
        assert set(every[seen.has(every)].tolist()) == expected
