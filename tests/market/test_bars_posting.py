"""Posting bars."""

import threading
import time
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from tests.market.bars_http import BARS, get, items
from tests.market.places import DAY, TODAY, flat
from tradeapi.market.bars.posted import _loads

SYMBOL = "US:A"
GOOD = {"symbol": SYMBOL, "resolution": "1d", "time": TODAY, "open": 1, "high": 3, "low": 1,
        "close": 2, "volume": 9}  # fmt: skip
LINES = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def symbols(client: TestClient) -> None:
    for symbol in (SYMBOL, "US:B"):
        client.put(f"/api/v1/symbols/{symbol}", json={})


def sent(client: TestClient, body: object) -> dict[str, Any]:
    answer = client.post(BARS, json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    counts = [item["status"] for item in said["items"]]
    for status in ("inserted", "updated", "unchanged", "rejected"):
        assert said[status] == counts.count(status)
    assert [item["index"] for item in said["items"]] == list(range(len(counts)))
    return said


def test_a_bar_is_inserted_updated_and_left_alone(client: TestClient) -> None:
    """The answer says which."""
    for body, status in (
        ([GOOD], "inserted"),
        ({"items": [GOOD]}, "unchanged"),
        (GOOD | {"close": 3}, "updated"),
    ):
        said = sent(client, body)
        assert said["items"] == [{"index": 0, "status": status, "code": None, "detail": None}]
    assert get(client, SYMBOL)["close"] == [3]


def test_one_bad_item_spoils_no_other(client: TestClient) -> None:
    """Each is named with its reason."""
    bad: list[tuple[object, str]] = [
        (GOOD | {"high": 0.5}, "high_below_low"),
        (GOOD | {"close": 4}, "outside_range"),
        (GOOD | {"open": None}, "null_price"),
        (GOOD | {"low": -1}, "price_not_positive"),
        (GOOD | {"volume": -1}, "negative_volume"),
        (GOOD | {"time": TODAY + 5}, "misaligned"),
        (GOOD | {"time": "soon"}, "bad_time"),
        (GOOD | {"time": None}, "bad_time"),
        (GOOD | {"time": [TODAY]}, "bad_time"),
        (GOOD | {"time": -DAY}, "time_out_of_range"),
        (GOOD | {"time": TODAY * 10**9}, "time_out_of_range"),
        (GOOD | {"time": "9999-01-01"}, "time_out_of_range"),
        (GOOD | {"time": TODAY + 3 * DAY}, "in_future"),
        (GOOD | {"open": "1"}, "invalid_field"),
        (GOOD | {"open": True}, "invalid_field"),
        (GOOD | {"open": [1]}, "invalid_field"),
        (GOOD | {"symbol": 5}, "invalid_field"),
        (GOOD | {"resolution": 5}, "invalid_field"),
        (GOOD | {"resolution": "2d"}, "unknown_resolution"),
        (GOOD | {"symbol": "US:NOPE"}, "unknown_symbol"),
        (GOOD | {"symbol": "'; DROP TABLE heads; --"}, "unknown_symbol"),
        (GOOD | {"vol": 5}, "unknown_field"),
        ({"symbol": SYMBOL}, "missing_field"),
        ({}, "missing_field"),
        (None, "invalid_item"),
        ("bar", "invalid_item"),
        ([GOOD], "invalid_item"),
    ]
    said = sent(client, [*(item for item, _ in bad), GOOD])
    assert [item["code"] for item in said["items"]] == [*(code for _, code in bad), None]
    assert all(item["detail"].endswith(".") for item in said["items"][:-1])
    assert (said["inserted"], said["rejected"]) == (1, len(bad))
    assert get(client, SYMBOL)["close"] == [2]


def test_of_two_bars_of_one_time_the_later_counts(client: TestClient) -> None:
    """However the symbol is called."""
    said = sent(client, [GOOD, GOOD | {"symbol": "a", "close": 3}, GOOD | {"symbol": "US:B"}])
    assert [item["code"] for item in said["items"]] == ["duplicate", None, None]
    assert get(client, SYMBOL)["close"] == [3]


def test_bars_of_many_series_arrive_in_one_request(client: TestClient) -> None:
    """In any order, with times in any spelling; a volume may be missing."""
    without_volume = {key: GOOD[key] for key in GOOD if key != "volume"}
    sent(
        client,
        [
            GOOD | {"symbol": "US:B", "resolution": "1m", "time": (TODAY + 60) * 1000},
            GOOD | {"time": "2024-06-09"},
            GOOD | {"symbol": "US:B", "resolution": "1m", "time": "2024-06-10T00:00:00Z"},
            without_volume | {"resolution": "1w", "time": "2024-06-05"},
        ],
    )
    assert get(client, "US:B", resolution="1m")["time"] == [TODAY, TODAY + 60]
    assert get(client, "US:B", resolution="1d")["volume"] == [18]
    assert get(client, SYMBOL)["time"] == [TODAY - DAY]
    weeks = get(client, SYMBOL, resolution="1w")
    assert (weeks["time"], weeks["volume"]) == ([TODAY - 7 * DAY], [0])


def test_lines_are_items(client: TestClient) -> None:
    """One that is no JSON is refused like any other, and an empty one is none."""
    good = orjson.dumps(GOOD)
    answer = client.post(BARS, content=b"\r\n".join([good, b"", b"{", b"NaN", good]), headers=LINES)
    assert [item["code"] for item in answer.json()["items"]] == [
        "duplicate", "bad_json", "bad_json", None
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 422),
        (b"{", JSON, 422),
        (b'{"items": {}}', JSON, 200),
        (b'"bars"', JSON, 422),
        (b"5", JSON, 422),
        (b"null", JSON, 422),
        (b"[NaN]", JSON, 422),
        (b"[Infinity]", JSON, 422),
        (b"[1e999]", JSON, 422),
        (b'["\\ud800"]', JSON, 422),
        (b"\xff\xfe\x00", JSON, 422),
        (b"[" * 100_000, JSON, 422),
        (b'{"a":' * 5000, JSON, 422),
        (b"[]", {}, 415),
        (b"[]", {"content-type": "text/plain"}, 415),
        (b"[]", {"content-type": "application/json; charset=utf-8"}, 200),
        (b"", LINES, 200),
        (bytes(range(256)) * 20, LINES, 200),
        (b"[]", JSON, 200),
    ],
)
def test_a_body_that_has_no_items_is_refused_as_a_whole(
    client: TestClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    """As a problem; an empty one is no mistake."""
    answer = client.post(BARS, content=body, headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["code"] == ("bad_body" if status == 422 else "unsupported_media_type")


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    """Before it is read."""
    answer = client.post(BARS, content=b"[" + b" " * 20_000_000 + b"]", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_long_request_is_taken_whole_while_others_are_answered(client: TestClient) -> None:
    """60,000 bars, some of them refused; it takes many transactions, and the order is kept."""
    rows = [flat(TODAY - 60 * k, 5, k % 7) for k in range(60_000)]
    sent = items(SYMBOL, "1m", rows)
    for place in range(0, 60_000, 1000):
        sent[place]["high"] = 4
    waits: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            began = time.perf_counter()
            client.get("/health")
            waits.append(time.perf_counter() - began)
            time.sleep(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    answer = client.post(BARS, content=orjson.dumps(sent), headers=JSON).json()
    done.set()
    asking.join()
    assert (answer["inserted"], answer["rejected"]) == (59_940, 60)
    assert [item["index"] for item in answer["items"]] == list(range(60_000))
    assert {item["status"] for item in answer["items"][::1000]} == {"rejected"}
    assert get(client, SYMBOL, resolution="1m", limit=3)["volume"] == [3, 2, 1]
    # What a thread does not take holds up others for some milliseconds, on a machine that is free.
    assert max(waits) < 0.5


def test_an_array_that_is_read_in_parts_is_read_the_same() -> None:
    """Whatever it contains."""
    long = [{"a": "},{" * 3, "b": [{"c": 1}, {"d": "}]"}]}] * 40_000
    plain = [{"a": number} for number in range(100_000)]
    for content in (plain, long, [*plain, long]):
        assert _loads(orjson.dumps(content)) == content
    for cut in (orjson.dumps(plain)[:-1], orjson.dumps(plain) + b"]"):
        with pytest.raises(orjson.JSONDecodeError):
            _loads(cut)
