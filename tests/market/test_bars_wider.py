"""Bars that are drawn by fewer and wider ones."""

from itertools import groupby

import pytest
from starlette.testclient import TestClient

from tests.market.bars_http import BARS, get, post
from tests.market.places import MONDAY, Row

SYMBOL = "COIN:A"
HOUR = 3600
# Some hours of a market that never closes, up to the one that is not over yet.
COUNT = 700
HOURS = [MONDAY - number * HOUR for number in reversed(range(COUNT)) if number % 7 != 3]


def bar(time: int) -> Row:
    open, close = 100 + time // HOUR % 13, 100 + time // HOUR % 17
    return time, open, max(open, close) + 1, min(open, close) - 1, close, time // HOUR % 5 + 0.5


ROWS = [bar(time) for time in HOURS]


@pytest.fixture
def symbol(client: TestClient) -> str:
    client.put(f"/api/v1/symbols/{SYMBOL}", json={})
    post(client, SYMBOL, "1h", *ROWS)
    return SYMBOL


def wide(rows: list[Row], width: int) -> list[dict[str, float]]:
    """What bars of so many hours are, in plain Python."""
    made = []
    for _, run in groupby(rows, key=lambda row: row[0] // (width * HOUR)):
        times, opens, highs, lows, closes, volumes = zip(*run, strict=True)
        made.append(
            {
                "time": times[0],
                "open": opens[0],
                "high": max(highs),
                "low": min(lows),
                "close": closes[-1],
                "volume": sum(volumes),
            }
        )
    return made


@pytest.mark.parametrize("most", [5, 60, 599])
def test_wider_bars_hold_what_was_traded(client: TestClient, symbol: str, most: int) -> None:
    """All there are by default, and the answer says how wide they are."""
    page = get(client, symbol, resolution="1h", max_points=most, format="rows")
    width = int(page["resolution"].removesuffix("h"))
    assert page["items"] == wide(ROWS, width)
    assert len(page["items"]) <= most < len(wide(ROWS, width - 1))
    assert page["thinned_from"] == len(ROWS)
    assert (page["has_more_before"], page["previous_time"]) == (False, None)


def test_columns_are_the_same_bars(client: TestClient, symbol: str) -> None:
    """In the other form."""
    query = {"resolution": "1h", "max_points": 50, "limit": 200}
    rows = get(client, symbol, **query, format="rows")["items"]
    columns = get(client, symbol, **query)
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert columns[name] == [row[name] for row in rows]
    assert columns["thinned_from"] == 200
    assert columns["previous_time"] == HOURS[-201]


def test_fewer_bars_than_there_is_room_for_are_left_alone(client: TestClient, symbol: str) -> None:
    """To the byte."""
    query = {"resolution": "1h", "limit": 50}
    assert get(client, symbol, **query, max_points=50) == get(client, symbol, **query)


@pytest.mark.parametrize("ahead", range(12))
def test_a_wide_bar_that_may_grow_is_not_final(client: TestClient, symbol: str, ahead: int) -> None:
    """Of those before `final_until` each holds all the bars that ever will be in it, wherever the
    window ends.
    """
    end = HOURS[-1 - ahead]
    page = get(client, symbol, resolution="1h", max_points=60, end=end, format="rows")
    width = int(page["resolution"].removesuffix("h"))
    final = [row for row in page["items"] if row["time"] < page["final_until"]]
    assert len(final) in {len(page["items"]) - 1, len(page["items"])}
    assert final == wide(ROWS, width)[: len(final)]


def test_days_weeks_and_months_are_made_wider(client: TestClient) -> None:
    """By their calendar."""
    for resolution, unit in (("1d", "d"), ("1w", "w"), ("1M", "M")):
        name = f"COIN:{unit}1"
        client.put(f"/api/v1/symbols/{name}", json={})
        post(client, name, "1d", *(bar(MONDAY // 86400 * 86400 - 86400 * n) for n in range(400)))
        page = get(client, name, resolution=resolution, max_points=7)
        assert page["resolution"].removesuffix(unit).isdigit()
        assert 2 <= len(page["time"]) <= 7
        whole = get(client, name, resolution=resolution)
        assert sum(page["volume"]) == sum(whole["volume"])
        assert (page["open"][0], page["close"][-1]) == (whole["open"][0], whole["close"][-1])


def test_a_range_is_drawn_by_as_many_as_there_is_room_for(client: TestClient, symbol: str) -> None:
    """In a width of its own, with where it begins."""
    plain = get(client, symbol, range="1W")
    page = get(client, symbol, range="1W", max_points=20)
    assert page["start"] == plain["start"]
    assert len(page["time"]) <= 20
    assert page["thinned_from"] == len(plain["time"])


def test_wider_bars_are_cached_as_others_are(client: TestClient, symbol: str) -> None:
    """Closed ones for ever with their revision; all by their ETag."""
    closed = f"{BARS}/{symbol}?resolution=1h&max_points=10&end={HOURS[-5]}&revision=0"
    answer = client.get(closed)
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    known = {"if-none-match": answer.headers["etag"]}
    assert client.get(closed, headers=known).status_code == 304
    newest = f"{BARS}/{symbol}?resolution=1h&max_points=10"
    before = client.get(newest)
    post(client, symbol, "1h", (*bar(MONDAY)[:5], 77))
    after = client.get(newest, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert sum(after.json()["volume"]) != sum(before.json()["volume"])
