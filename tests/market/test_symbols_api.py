"""Symbols over HTTP."""

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.market.places import DAY, TODAY, Market, flat
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution

SYMBOLS = "/api/v1/symbols"
APPLE = {
    "name": "Apple Inc.",
    "type": "stock",
    "sector": "Technology",
    "tick_size": 0.01,
    "listed_from": "1980-12-12",
    "listed_to": "2030-01-02",
}


def put(client: TestClient, symbol: str, **fields: object) -> dict[str, Any]:
    answer = client.put(f"{SYMBOLS}/{symbol}", json=fields)
    assert answer.status_code in {200, 201}, answer.text
    body: dict[str, Any] = answer.json()
    return body


def listed(client: TestClient, **query: str) -> list[str]:
    answer = client.get(SYMBOLS, params=query)
    assert answer.status_code == 200, answer.text
    return [item["symbol"] for item in answer.json()["items"]]


def test_a_symbol_is_created_read_replaced_and_removed(client: TestClient) -> None:
    """What is left out of a replacement has its default again."""
    answer = client.put(f"{SYMBOLS}/us:aapl", json=APPLE)
    assert answer.status_code == 201
    created = {
        **APPLE,
        "symbol": "US:AAPL",
        "exchange": "US",
        "ticker": "AAPL",
        "currency": "USD",
        "basis": "raw",
        "extended_hours": False,
        "calendar": None,
        "version": 1,
    }
    assert answer.json() == client.get(f"{SYMBOLS}/aapl").json() == created
    assert client.get(SYMBOLS).json()["items"] == [created]
    answer = client.put(f"{SYMBOLS}/US:AAPL", json={"name": "Apple", "currency": "eur"})
    assert answer.status_code == 200
    cleared = dict.fromkeys(("sector", "tick_size", "listed_from", "listed_to"))
    replaced = {**created, **cleared, "name": "Apple", "currency": "EUR", "version": 2}
    assert answer.json() == replaced
    answer = client.delete(f"{SYMBOLS}/US:AAPL")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"{SYMBOLS}/US:AAPL").json()["code"] == "unknown_symbol"


def test_putting_the_same_again_changes_nothing(client: TestClient) -> None:
    """Neither version nor ETag."""
    first = client.put(f"{SYMBOLS}/US:AAPL", json=APPLE)
    again = client.put(f"{SYMBOLS}/US:AAPL", json=APPLE)
    assert again.status_code == 200
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])


def test_a_lost_update_is_refused(client: TestClient) -> None:
    """If-Match names the version that the caller read."""
    url = f"{SYMBOLS}/US:AAPL"
    assert client.put(url, json=APPLE, headers={"if-match": "*"}).status_code == 412
    old = client.put(url, json=APPLE).headers["etag"]
    assert client.get(url).headers["etag"] == old
    answer = client.put(url, json={"name": "A"}, headers={"if-match": old})
    new = answer.headers["etag"]
    assert (answer.status_code, new != old) == (200, True)
    for stale in (old, f"W/{new}", new.strip('"'), '"', ""):
        for refused in (
            client.put(url, json={"name": "B"}, headers={"if-match": stale}),
            client.delete(url, headers={"if-match": stale}),
            client.put(f"{url}/actions", json={"items": []}, headers={"if-match": stale}),
            client.put(f"{url}/shares", json={"items": []}, headers={"if-match": stale}),
        ):
            assert (refused.status_code, refused.json()["code"]) == (412, "stale_version")
    assert client.delete(url, headers={"if-match": f'"x", {new}'}).status_code == 204


def test_the_etag_of_a_symbol_made_again_is_another(client: TestClient) -> None:
    """Though its version is 1 once more."""
    old = client.put(f"{SYMBOLS}/US:AAPL", json=APPLE).headers["etag"]
    client.delete(f"{SYMBOLS}/US:AAPL")
    assert client.put(f"{SYMBOLS}/US:AAPL", json=APPLE).headers["etag"] != old


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"nmae": "Apple"}, "/nmae"),
        ({"type": "share"}, "/type"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": None}, "/name"),
        ({"currency": "US$"}, "/currency"),
        ({"tick_size": 0}, "/tick_size"),
        ({"tick_size": -1}, "/tick_size"),
        ({"tick_size": "0.01"}, "/tick_size"),
        ({"tick_size": 1e300}, "/tick_size"),
        ({"extended_hours": "yes"}, "/extended_hours"),
        ({"basis": "adjusted"}, "/basis"),
        ({"calendar": "../etc/passwd"}, "/calendar"),
        ({"listed_from": "1980-12-32"}, "/listed_from"),
        ({"listed_from": "2024-06-10", "listed_to": "2024-06-10"}, "/listed_to"),
        ({"symbol": "US:MSFT"}, "/symbol"),
        ({"version": 7}, "/version"),
        ([], ""),
        ("US:AAPL", ""),
    ],
)
def test_a_bad_field_is_named(client: TestClient, body: object, pointer: str) -> None:
    """With a JSON pointer, and nothing is created."""
    answer = client.put(f"{SYMBOLS}/US:AAPL", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert listed(client) == []


@pytest.mark.parametrize("body", [b'{"tick_size": NaN}', b'{"tick_size": 1e999}', b"{", b"\xff"])
def test_a_body_that_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    """NaN and infinities are no JSON either."""
    answer = client.put(
        f"{SYMBOLS}/US:AAPL", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "name",
    ["AAPL", "US:..", "US:A%20B", "US:A%00", "US:%C3%89", "A:B:C", "US:'%3B--", "US:" + "A" * 99],
)
def test_what_no_symbol_can_be_called_is_refused(client: TestClient, name: str) -> None:
    """A new symbol needs its exchange, and both of their few letters."""
    answer = client.put(f"{SYMBOLS}/{name}", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == "/path/symbol"


def test_an_unknown_calendar_creates_nothing(client: TestClient) -> None:
    """It is asked for before the symbol is written."""
    answer = client.put(f"{SYMBOLS}/US:AAPL", json={"calendar": "XNOPE"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_calendar")
    assert listed(client) == []


def test_a_ticker_of_two_exchanges_is_a_conflict(client: TestClient) -> None:
    """With the candidates in the sentence."""
    put(client, "US:AAPL")
    put(client, "LSE:AAPL")
    answer = client.get(f"{SYMBOLS}/AAPL")
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_symbol")
    assert "LSE:AAPL, US:AAPL" in answer.json()["detail"]


def test_the_search_ranks_filters_and_sees_every_change_at_once(client: TestClient) -> None:
    """Symbols come, go and change their names between two requests."""
    put(client, "US:MSFT", name="Microsoft")
    put(client, "US:MSTR", name="Strategy")
    put(client, "LSE:MSFT", name="Microsoft receipt", type="fund")
    assert listed(client, query="msft") == ["LSE:MSFT", "US:MSFT"]
    assert listed(client, query="mircosoft", exchange="us") == ["US:MSFT"]
    assert listed(client, query="ms", type="fund") == ["LSE:MSFT"]
    put(client, "US:MSTR", name="MicroStrategy")
    assert listed(client, query="microst") == ["US:MSTR"]
    client.delete(f"{SYMBOLS}/US:MSFT")
    assert listed(client) == ["LSE:MSFT", "US:MSTR"]


def test_a_list_goes_on_where_it_stopped(client: TestClient) -> None:
    """Whatever is put in front of it meanwhile."""
    names = [f"US:A{number}" for number in range(5)]
    for name in names:
        put(client, name)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = f"{SYMBOLS}?query=a&limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = client.get(query).json()
        seen += [item["symbol"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        put(client, f"LSE:A{len(seen)}")
    assert seen == names


def test_a_cursor_of_another_list_is_refused(client: TestClient) -> None:
    """As is one that nobody handed out."""
    put(client, "US:A")
    put(client, "US:B")
    cursor = client.get(SYMBOLS, params={"limit": 1}).json()["next_cursor"]
    for query in ({"cursor": cursor, "type": "coin"}, {"cursor": "x"}, {"cursor": cursor + "x"}):
        answer = client.get(SYMBOLS, params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


@pytest.mark.parametrize(
    "query", ["type=x", "limit=0", "limit=501", "limit=a", "exchange=..", "query=" + "a" * 65]
)
def test_a_bad_query_is_refused(client: TestClient, query: str) -> None:
    """By the name of the parameter."""
    answer = client.get(f"{SYMBOLS}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/query/{query.partition('=')[0]}"


@pytest.mark.parametrize("query", ["' OR 1=1 --", "%00", "%F0%9F%98%80", "%ff%fe", "../..", "%"])
def test_strange_queries_find_nothing(client: TestClient, query: str) -> None:
    """They are letters to compare, nothing else."""
    put(client, "US:AAPL")
    answer = client.get(f"{SYMBOLS}?query={query}")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_removing_a_symbol_removes_everything_of_it(database_url: str, client: TestClient) -> None:
    """Bars of every form, actions, shares and the head; other symbols keep theirs."""

    async def with_market() -> None:
        async with Database(database_url) as database:
            market = Market(database)
            for symbol in ("US:GONE", "US:KEPT"):
                listing = await market.add(symbol)
                bars = [flat(TODAY - DAY * back, 10) for back in range(2000, 0, -1)]
                await market.write(listing, Resolution.DAY, bars)

    async def counts() -> dict[str, int]:
        async with Database(database_url) as database, database.read() as raw:
            tables = ("symbols", "heads", "bar_series", "bar_blocks", "bar_rows")
            return {
                table: (await raw.fetch(f"SELECT count(*) FROM {table}"))[0][0]  # noqa: S608
                for table in (*tables, "corporate_actions", "shares_outstanding")
            }

    asyncio.run(with_market())
    for symbol in ("US:GONE", "US:KEPT"):
        items = [{"ex_date": "2024-01-02", "kind": "split", "value": 2}]
        client.put(f"{SYMBOLS}/{symbol}/actions", json={"items": items}).raise_for_status()
        items = [{"effective": None, "shares": 2}]
        client.put(f"{SYMBOLS}/{symbol}/shares", json={"items": items}).raise_for_status()
    before = asyncio.run(counts())
    assert before["bar_blocks"] > 0
    client.delete(f"{SYMBOLS}/US:GONE").raise_for_status()
    assert asyncio.run(counts()) == {table: count // 2 for table, count in before.items()}
