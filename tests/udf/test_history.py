"""What a chart of the stock client ends up with is what REST tells, however it gets there."""

import orjson
import pytest

from tests.market.bars_http import post
from tests.udf.market import DAY, MINUTES, NOW, RESOLUTIONS, Place, instant
from tests.udf.stock import Bar, Chart, Refused, StockClient
from tradeapi.udf.history import MOST_BARS

SCROLLED = [(symbol, resolution) for symbol in MINUTES for resolution in RESOLUTIONS]
COLUMNS = {"s", "t", "o", "h", "l", "c", "v"}


def chart(place: Place, symbol: str, resolution: str) -> Chart:
    client = place.client
    return Chart(client, client.open(symbol), resolution)


@pytest.mark.parametrize(
    ("symbol", "resolution"), [*SCROLLED, ("US:DAYS", "1D"), ("US:DAYS", "1M")]
)
def test_a_chart_scrolls_to_the_first_bar(place: Place, symbol: str, resolution: str) -> None:
    """Through nights, breaks, holidays, a gap, daylight saving and splits."""
    scrolled = chart(place, symbol, resolution)
    scrolled.scroll(place.now + 1)
    assert scrolled.bars == place.history(symbol, resolution)
    assert len(scrolled.bars) > 1


@pytest.mark.parametrize(
    ("symbol", "resolution", "width"),
    [
        ("US:ACME", "1", DAY),
        ("US:ACME", "60", 3 * DAY),
        ("FUT:NIGHT", "5", DAY),
        ("US:DAYS", "1D", 400 * DAY),
    ],
)
def test_older_charts_scroll_range_by_range(
    place: Place, symbol: str, resolution: str, width: int
) -> None:
    """Without a countback; where a range is empty they are told how far to go."""
    scrolled = chart(place, symbol, resolution)
    scrolled.scroll_by_range(place.now + 1, width=width)
    assert scrolled.bars == place.history(symbol, resolution)


def test_long_answers_are_cut(place: Place) -> None:
    """At their beginning; a client that knows the limit gets the rest itself."""
    place.http.put("/api/v1/symbols/COIN:LONG", json={"type": "coin"}).raise_for_status()
    number = MOST_BARS + 2500
    rows = [(NOW - 60 * k, 10 + k % 7, 18, 9, 10, 1) for k in reversed(range(number))]
    post(place.http, "COIN:LONG", "1m", *rows)
    info = place.client.open("COIN:LONG")
    for countback in (number + 10, None):
        begin, end = NOW - 60 * number, NOW + 1
        found = place.client.bars(info, "1", begin, end, countback).bars
        assert len(found) == MOST_BARS
        assert found[-1].time == NOW * 1000
        paging = StockClient(place.http, most=MOST_BARS)
        paged = paging.bars(info, "1", begin, end, countback).bars
        assert paged == place.history("COIN:LONG", "1")
    scrolled = chart(place, "COIN:LONG", "1")
    scrolled.scroll(NOW + 1, countback=number)
    assert scrolled.bars == place.history("COIN:LONG", "1")


def test_from_counts_and_to_does_not(place: Place) -> None:
    """To the second, and whatever fractions a client asks with."""
    info = place.client.open("US:DAYS")
    times = [bar.time // 1000 for bar in place.history("US:DAYS", "1D")]

    def asked(start: float, end: float) -> list[int]:
        return [bar.time // 1000 for bar in place.client.bars(info, "1D", start, end).bars]

    assert asked(times[10], times[14]) == times[10:14]
    assert asked(times[10] + 1, times[14] + 1) == times[11:15]
    assert asked(times[10] - 0.5, times[14] - 0.5) == times[10:14]
    assert asked(times[10] + 0.5, times[14] + 0.5) == times[11:15]


def test_countback_comes_first(place: Place) -> None:
    """Before `from`, which may be earlier or later than the bars; 0 is none."""
    info = place.client.open("US:DAYS")
    times = [bar.time // 1000 for bar in place.history("US:DAYS", "1D")]
    for start in (0, times[30], times[48], times[49] - 1):
        found = place.client.bars(info, "1D", start, times[50], 20).bars
        assert [bar.time // 1000 for bar in found] == times[30:50]
    found = place.client.bars(info, "1D", times[45], times[50], 0).bars
    assert [bar.time // 1000 for bar in found] == times[45:50]
    # Through a gap, too.
    start, end = instant("2024-11-14"), instant("2024-11-15")
    acme = place.client.open("US:ACME")
    found = place.client.bars(acme, "1", start, end, 7).bars
    assert found == [bar for bar in place.history("US:ACME", "1") if bar.time < end * 1000][-7:]


def test_a_range_without_bars_says_where_there_are_some(place: Place) -> None:
    """The closest one before it; where none is older it says nothing, and the chart stops."""
    info = place.client.open("US:ACME")
    bars = place.history("US:ACME", "1")
    start, end = instant("2024-11-14"), instant("2024-11-15")
    found = place.client.bars(info, "1", start, end)
    before = [bar.time // 1000 for bar in bars if bar.time < start * 1000]
    assert (found.bars, found.no_data, found.next_time) == ([], True, before[-1])
    first = bars[0].time // 1000
    for countback in (None, 300):
        found = place.client.bars(info, "1", first - DAY, first, countback)
        assert (found.bars, found.no_data, found.next_time) == ([], True, None)
    assert place.client.bars(info, "1", end, start).next_time == before[-1]
    future = place.client.bars(info, "1D", NOW + 100 * DAY, NOW + 200 * DAY)
    assert future.next_time == instant("2024-12-03")


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_what_has_no_bars_has_no_data(place: Place, resolution: str) -> None:
    """And never an empty answer that is right, which a chart would ask for again for ever."""
    query = f"symbol=US:NONE&resolution={resolution}&from=0&to={NOW}"
    for more in ("", "&countback=1", "&countback=300"):
        answer = place.http.get(f"/udf/history?{query}{more}")
        assert (answer.status_code, answer.json()) == (200, {"s": "no_data"})


def test_an_answer_has_columns_of_numbers(place: Place) -> None:
    """All of one length, in ascending order of time, and nothing else."""
    query = f"symbol=US:ACME&resolution=5&from=0&to={NOW}&countback=500"
    found = place.http.get(f"/udf/history?{query}").json()
    assert found.keys() == COLUMNS
    assert {len(found[name]) for name in COLUMNS - {"s"}} == {500}
    assert all(isinstance(one, int) for one in found["t"])
    assert all(isinstance(one, float) for name in "ohlcv" for one in found[name])
    assert all(one < other for one, other in zip(found["t"], found["t"][1:], strict=False))


def test_prices_are_restated_for_splits(place: Place) -> None:
    """And for nothing else, nor for a split to come."""
    info = place.client.open("US:DAYS")

    def close(day: str) -> float:
        start = instant(day)
        (bar,) = place.client.bars(info, "1D", start, start + 1).bars
        raw = place.http.get(f"/api/v1/bars/US:DAYS?start={day}&limit=1").json()["close"][0]
        return bar.close / float(raw)

    assert [close(day) for day in ("2024-11-08", "2024-11-11", "2024-11-19", "2024-11-20")] == [
        1,
        2,
        2,
        1,
    ]


@pytest.mark.parametrize("countback", [2, None])
@pytest.mark.parametrize("resolution", ["1", "5", "1D", "1W", "1M"])
def test_a_chart_follows_the_newest_bar(
    place: Place, resolution: str, countback: int | None
) -> None:
    """Every ten seconds, over closes of bars, and over late trades in the one before."""
    symbol = f"COIN:LIVE{countback}-{resolution}"
    place.http.put(f"/api/v1/symbols/{symbol}", json={"type": "coin"}).raise_for_status()
    # The last hour of a month, which ends with a Sunday.
    place.clock.time = begin = instant("2024-06-30T23:55")
    history = [(begin - 60 * k, 10, 11, 9, 10, 1) for k in reversed(range(1, 3000))]
    post(place.http, symbol, "1m", *history)
    followed = chart(place, symbol, resolution)
    followed.scroll(place.now)
    for step in range(60):
        place.clock.time = begin + 10 * step
        time = place.now - (7 if step % 6 == 1 else 0)
        tick = {"symbol": symbol, "price": 10 + step % 13, "size": 1, "time": time}
        assert place.http.post("/api/v1/ticks", json=tick).json()["accepted"] == 1
        followed.pulse(place.now + 1, countback=countback)
    assert followed.bars == place.history(symbol, resolution)


@pytest.mark.parametrize("countback", [1, 2, None])
def test_the_newest_bar_never_comes_alone(place: Place, countback: int | None) -> None:
    """After a long holiday ten days hold no other, and a pulse with one bar throws."""
    symbol = f"COIN:HOLIDAY{countback}"
    place.http.put(f"/api/v1/symbols/{symbol}", json={"type": "coin"}).raise_for_status()
    days = [NOW // DAY * DAY - k * DAY for k in (40, 30, 0)]
    post(place.http, symbol, "1d", *((day, 1, 1, 1, 1, 1) for day in days))
    info = place.client.open(symbol)
    found = place.client.bars(info, "1D", NOW - 10 * DAY, NOW, countback).bars
    assert [bar.time // 1000 for bar in found] == days[1:]
    # A range in the middle of history has what is in it.
    middle = place.client.bars(info, "1D", days[1] - DAY, days[1] + DAY)
    assert [bar.time // 1000 for bar in middle.bars] == [days[1]]


def test_the_only_bar_is_told(place: Place) -> None:
    """There is no other."""
    info = place.client.open("US:ONE")
    for countback in (None, 1, 300):
        assert len(place.client.bars(info, "1D", 0, NOW, countback).bars) == 1


def test_the_evening_belongs_to_tomorrow(place: Place) -> None:
    """On Sunday evening a future trades in Monday's bar, which then is in a chart that asks for
    what is up to now; in the middle of history `to` stays what it is."""
    symbol = "FUT:EVENING"
    place.http.put(f"/api/v1/symbols/{symbol}", json={}).raise_for_status()
    sunday = instant("2024-12-01T23:30")
    place.clock.time = sunday + 1800
    post(place.http, symbol, "1d", (instant("2024-11-29"), 1, 1, 1, 1, 1))
    post(place.http, symbol, "1m", (sunday, 7, 7, 7, 7, 7))
    monday = instant("2024-12-02")
    for resolution, label in (("1D", monday), ("1W", monday), ("1M", monday)):
        followed = chart(place, symbol, resolution)
        # By a clock that is a little behind.
        for now in (place.now, place.now - 60):
            followed.scroll(now)
            assert followed.bars[-1] == Bar(label * 1000, 7, 7, 7, 7, 7)
            followed.bars.clear()
            followed.client.asked.clear()
            followed.pulse(now)
            assert followed.bars[-1].time == label * 1000
            followed.bars.clear()
            followed.client.asked.clear()
    info = place.client.open(symbol)
    assert place.client.bars(info, "1D", 0, sunday - DAY, 300).bars[-1].close == 1
    place.clock.time = monday + 9 * DAY
    assert place.client.bars(info, "1D", 0, monday, 300).bars[-1].close == 1


def test_answers_are_kept_as_those_of_rest_are(place: Place) -> None:
    """The many who look at one chart ask at the same second; a new bar is in the next answer."""
    symbol = "COIN:KEPT"
    place.http.put(f"/api/v1/symbols/{symbol}", json={"type": "coin"}).raise_for_status()
    post(place.http, symbol, "1m", (NOW - 120, 1, 1, 1, 1, 1), (NOW - 60, 1, 1, 1, 1, 1))
    address = f"/udf/history?symbol={symbol}&resolution=1&from=0&to={NOW + 1}&countback=2"
    first = place.http.get(address)
    known = {"if-none-match": first.headers["etag"]}
    assert first.headers["cache-control"] == "private, no-cache"
    assert place.http.get(address, headers=known).status_code == 304
    post(place.http, symbol, "1m", (NOW, 2, 2, 2, 2, 2))
    second = place.http.get(address, headers=known)
    assert orjson.loads(second.content)["t"] == [NOW - 60, NOW]


def test_one_refusal_is_enough(place: Place) -> None:
    """The client stands up to a symbol that is not there."""
    with pytest.raises(Refused, match="unknown_symbol"):
        place.client.open("US:NOPE")
    with pytest.raises(Refused, match=r"there is no symbol us:nope\."):
        place.client.bars({"ticker": "US:NOPE"}, "1D", 0, NOW, 300)
