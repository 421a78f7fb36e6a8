"""History over HTTP."""

import pytest
from starlette.testclient import TestClient

from tests.auth.people import sql
from tests.market.bars_http import BARS, code, get, post
from tests.market.places import DAY, TODAY, flat

SYMBOL = "US:A"
# Ten days that end today.
ROWS = [flat(TODAY - k * DAY, 100 - k, k) for k in reversed(range(10))]
TIMES = [row[0] for row in ROWS]

# What is asked, and which of the bars are the answer.
WINDOWS: list[tuple[dict[str, object], int, int]] = [
    ({}, 0, 10),
    ({"limit": 3}, 7, 10),
    ({"start": TIMES[2], "limit": 3}, 2, 5),
    ({"end": TIMES[6], "limit": 3}, 3, 6),
    ({"before": TIMES[6], "limit": 3}, 3, 6),
    ({"start": TIMES[2], "before": TIMES[8], "limit": 3}, 5, 8),
    ({"start": TIMES[2], "end": TIMES[8], "limit": 3}, 2, 5),
    ({"start": TIMES[2], "end": TIMES[8], "before": TIMES[4]}, 2, 4),
    ({"start": TIMES[4], "end": TIMES[5]}, 4, 5),
    ({"start": TIMES[4] + 1, "end": TIMES[5] + 1}, 5, 6),
    ({"end": TIMES[4] + 0.5}, 0, 5),
    ({"start": TIMES[9] * 1000}, 9, 10),
    ({"start": "2024-06-09"}, 8, 10),
    ({"start": "2024-06-09T00:00:01Z", "end": "9999-12-31"}, 9, 10),
]
WRONG: list[tuple[dict[str, object], str]] = [
    ({"resolution": "7d"}, "unknown_resolution"),
    ({"resolution": "1D"}, "unknown_resolution"),
    ({"resolution": ""}, "unknown_resolution"),
    ({"start": 2000, "end": 1000}, "bad_range"),
    ({"start": 2000, "before": 1000}, "bad_range"),
    ({"start": "soon"}, "bad_time"),
    ({"end": "2024-02-30"}, "bad_time"),
    ({"before": "1e30"}, "time_out_of_range"),
    ({"start": 1704067200000000000}, "time_out_of_range"),
    ({"start": "10000-01-01"}, "bad_time"),
    ({"start": "'; DROP TABLE heads; --"}, "bad_time"),
    ({"limit": 0}, "invalid_field"),
    ({"limit": 50001}, "invalid_field"),
    ({"limit": 200001, "max_points": 500}, "invalid_field"),
    ({"max_points": 4}, "invalid_field"),
    ({"max_points": 10001}, "invalid_field"),
    ({"max_points": 500, "format": "csv"}, "invalid_field"),
    ({"max_points": 500, "format": "parquet", "limit": 10}, "invalid_field"),
    ({"limit": "many"}, "invalid_field"),
    ({"limit": "9" * 30}, "invalid_field"),
    ({"format": "xml"}, "invalid_field"),
    ({"adjustment": "none"}, "invalid_field"),
    ({"revision": "x"}, "invalid_field"),
]


@pytest.fixture
def symbol(client: TestClient) -> str:
    client.put(f"/api/v1/symbols/{SYMBOL}", json={})
    post(client, SYMBOL, "1d", *ROWS)
    return SYMBOL


def test_columns_say_all_there_is_to_know(client: TestClient, symbol: str) -> None:
    """The bars, what lies around them, and what of them is final."""
    assert get(client, symbol, limit=2) == {
        "symbol": SYMBOL,
        "resolution": "1d",
        "adjustment": "raw",
        "time": TIMES[-2:],
        "open": [99.0, 100.0],
        "high": [99.0, 100.0],
        "low": [99.0, 100.0],
        "close": [99.0, 100.0],
        "volume": [1.0, 0.0],
        "has_more_before": True,
        "has_more_after": False,
        "final_until": TODAY,
        "previous_time": TIMES[-3],
        "revision": 0,
    }


def test_a_symbol_that_another_process_has_removed_is_gone(
    client: TestClient, symbol: str, database_url: str
) -> None:
    """Also where it is still remembered."""
    assert get(client, symbol)["time"] == TIMES
    for table in ("bar_blocks", "symbols"):
        sql(database_url, f"DELETE FROM {table}")  # noqa: S608
    assert code(client, symbol, limit=3) == (404, "unknown_symbol")


def test_rows_are_what_chart_libraries_take(client: TestClient, symbol: str) -> None:
    """Objects with whole seconds, ascending, and no nulls."""
    columns = get(client, symbol)
    rows = get(client, symbol, format="rows")
    assert rows["items"][-1] == {
        "time": TODAY, "open": 100, "high": 100, "low": 100, "close": 100, "volume": 0
    }  # fmt: skip
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert [item[name] for item in rows.pop("items")] == columns.pop(name)
        rows["items"] = get(client, symbol, format="rows")["items"]
    del rows["items"]
    assert rows == columns


def test_a_window_takes_its_start_and_leaves_its_end(client: TestClient, symbol: str) -> None:
    """Too many bars: with a start and no `before` the earliest are kept, else the latest."""
    for query, first, last in WINDOWS:
        page = get(client, symbol, **query)
        assert page["time"] == TIMES[first:last], query
        assert page["has_more_before"] == (first > 0), query
        assert page["has_more_after"] == (last < len(TIMES)), query
        assert page["previous_time"] == (TIMES[first - 1] if first else None), query


@pytest.mark.parametrize(
    ("query", "before", "after", "previous"),
    [
        ({"start": TODAY + DAY}, True, False, TODAY),
        ({"end": TIMES[0]}, False, True, None),
        ({"start": TIMES[4], "end": TIMES[4]}, True, True, TIMES[3]),
        ({"start": -5e9, "end": -4e9}, False, True, None),
        ({"resolution": "1h"}, False, False, None),
    ],
)
def test_a_window_without_bars_is_an_answer_too(  # noqa: PLR0917
    client: TestClient,
    symbol: str,
    query: dict[str, object],
    before: bool,
    after: bool,
    previous: int | None,
) -> None:
    """With what lies around it."""
    page = get(client, symbol, **query)
    assert page["time"] == page["open"] == []
    assert (page["has_more_before"], page["has_more_after"]) == (before, after)
    assert page["previous_time"] == previous


def test_paging_back_meets_every_bar_once(client: TestClient, symbol: str) -> None:
    """As front ends load older bars."""
    seen: list[int] = []
    page = get(client, symbol, limit=4)
    while page["time"]:
        seen = page["time"] + seen
        page = get(client, symbol, limit=4, before=page["time"][0])
    assert seen == TIMES
    assert not page["has_more_before"]


def test_derived_bars_follow_from_finer_ones(client: TestClient, symbol: str) -> None:
    """A posted bar is not replaced by what finer ones add up to."""
    minutes = [flat(TODAY + 60 * k, 10 + k, 1) for k in range(120)]
    post(client, symbol, "1m", *minutes)
    hours = get(client, symbol, resolution="1h")
    assert hours["time"] == [TODAY, TODAY + 3600]
    assert (hours["open"], hours["close"]) == ([10, 70], [69, 129])
    assert (hours["low"], hours["high"]) == ([10, 70], [69, 129])
    assert hours["volume"] == [60, 60]
    assert get(client, symbol, resolution="1d", limit=1)["close"] == [100]


def test_what_is_asked_wrongly_is_refused_by_name(client: TestClient, symbol: str) -> None:
    """With a code that a program can act on."""
    for query, expected in WRONG:
        assert code(client, symbol, **query) == (422, expected), query


def test_an_unknown_resolution_is_told_the_valid_ones(client: TestClient, symbol: str) -> None:
    """Case matters, so that is often the fault."""
    detail = client.get(f"{BARS}/{symbol}?resolution=1D").json()["detail"]
    assert all(name in detail for name in ("1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"))


def test_symbols_are_found_by_ticker_in_any_case(client: TestClient, symbol: str) -> None:
    """And are not found, or not clear, with a problem that says so."""
    assert get(client, "a")["symbol"] == get(client, "us:a")["symbol"] == symbol
    assert code(client, "US:NOPE") == (404, "unknown_symbol")
    client.put("/api/v1/symbols/LSE:A", json={})
    assert code(client, "A") == (409, "ambiguous_symbol")
    assert get(client, "lse:a")["time"] == []


def test_removed_bars_are_gone_and_raise_the_revision(client: TestClient, symbol: str) -> None:
    """What finer bars still support comes back as a derived bar."""
    post(client, symbol, "1m", flat(TIMES[5], 7, 3))
    before = get(client, symbol)["revision"]
    path = f"{BARS}/{symbol}?resolution=1d&start={TIMES[4]}&end={TIMES[7]}"
    answer = client.delete(path)
    assert answer.json() == {"removed": 3, "revision": before + 1}
    page = get(client, symbol)
    assert page["time"] == [*TIMES[:4], TIMES[5], *TIMES[7:]]
    assert page["close"][4] == 7
    assert page["revision"] == before + 1
    assert client.delete(path).json() == {"removed": 0, "revision": before + 1}
    assert client.delete(f"{BARS}/{symbol}?resolution=1d").json()["removed"] == 7
    assert get(client, symbol)["time"] == [TIMES[5]]


def test_a_removal_has_to_be_clear(client: TestClient, symbol: str) -> None:
    """Nothing is removed by mistake."""
    for query, expected in [
        ("", "invalid_field"),
        ("resolution=2h", "unknown_resolution"),
        ("resolution=1d&start=5&end=4", "bad_range"),
        ("resolution=1d&start=x", "bad_time"),
    ]:
        answer = client.delete(f"{BARS}/{symbol}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, expected)
    assert client.delete(f"{BARS}/US:NOPE?resolution=1d").status_code == 404
    assert len(get(client, symbol)["time"]) == len(ROWS)


def test_a_range_says_what_it_is_shown_in(client: TestClient) -> None:
    """All its bars, by the resolution and the start that were chosen."""
    client.put("/api/v1/symbols/C:YEARS", json={})
    days = [flat(TODAY - day * DAY, 10, 1) for day in reversed(range(700))]
    post(client, "C:YEARS", "1d", *days)
    year = get(client, "C:YEARS", range="1Y", format="rows")
    assert (year["resolution"], year["start"]) == ("1d", TODAY - 366 * DAY)
    assert [row["time"] for row in year["items"]] == [day[0] for day in days[-367:]]
    years = get(client, "C:YEARS", range="5Y")
    assert (years["resolution"], len(years["time"])) == ("1w", 101)
    assert years["start"] < years["time"][0]
    file = client.get(f"{BARS}/C:YEARS", params={"range": "YTD", "format": "csv"})
    assert file.text.count("2024-") == 162
    post(client, "C:YEARS", "1d", flat(TODAY + DAY, 10, 1))
    assert get(client, "C:YEARS", range="1D")["time"] == [TODAY + DAY]
    client.put("/api/v1/symbols/C:EMPTY", json={})
    assert get(client, "C:EMPTY", range="1D")["start"] is None


def test_a_range_says_already_which_bars(client: TestClient, symbol: str) -> None:
    """What would say it again is refused, even the default."""
    named = {"resolution": "1d", "start": 0, "end": 0, "before": 0, "limit": 5}
    for name, value in named.items():
        answer = client.get(f"{BARS}/{symbol}", params={"range": "1D", name: str(value)})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"
