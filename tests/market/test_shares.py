"""Shares outstanding from a date on: over HTTP, and from files."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.market.imports import counts, import_shares, rejected, write
from tests.market.places import Market
from tradeapi.market.symbols.shares import counted

SYMBOL = "/api/v1/symbols/US:AAPL"
SHARES = f"{SYMBOL}/shares"
UNDATED = {"effective": None, "shares": 4e9}
LATER = {"effective": "2020-08-31", "shares": 17e9}
LAST = {"effective": "2024-06-10", "shares": 15e9}


async def kept(market: Market) -> list[tuple[str | None, float]]:
    listing = await market.directory.read("US:A")
    async with market.database.reading() as session:
        found = await counted(session, listing.id)
    return [(str(day) if day else None, shares) for day, shares in found]


def test_shares_are_replaced_as_a_set(client: TestClient) -> None:
    """They come back in order of their days; the symbol's ETag is theirs, and only another set is
    another version."""
    client.put(SYMBOL, json={}).raise_for_status()
    assert client.get(SHARES).json() == {"items": []}
    versions = []
    for items in ([LAST, UNDATED, LATER], [LAST, LATER, UNDATED], [LAST, UNDATED], [UNDATED], []):
        answer = client.put(SHARES, json={"items": items})
        assert answer.status_code == 200
        wanted = sorted(items, key=lambda item: str(item["effective"] or ""))
        assert answer.json() == client.get(SHARES).json() == {"items": wanted}
        assert answer.headers["etag"] == client.get(SHARES).headers["etag"]
        assert answer.headers["etag"] == client.get(SYMBOL).headers["etag"]
        versions.append(client.get(SYMBOL).json()["version"])
    assert versions == [2, 2, 3, 4, 5]
    client.put(SHARES, json={"items": [LATER]}).raise_for_status()
    client.put(SHARES, json={"items": [LATER | {"shares": 1}, LAST]}).raise_for_status()
    assert client.get(SYMBOL).json()["version"] == 7


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ([LATER, LAST, LATER], "/items/2"),
        ([UNDATED, UNDATED], "/items/1"),
        ([LATER | {"effective": "0001-01-01"}], "/items/0"),
        ([LATER | {"effective": "2200-01-01"}], "/items/0"),
        ([LATER | {"effective": "2024-02-30"}], "/items/0/effective"),
        ([LATER | {"effective": 0}], "/items/0/effective"),
        ([LATER | {"shares": 0}], "/items/0/shares"),
        ([LATER | {"shares": 1.1e15}], "/items/0/shares"),
        ([LATER | {"shares": "7"}], "/items/0/shares"),
        ([{"shares": 7}], "/items/0/effective"),
    ],
)
def test_bad_shares_are_named(
    client: TestClient, items: list[dict[str, object]], pointer: str
) -> None:
    """With a JSON pointer, and nothing is changed."""
    client.put(SYMBOL, json={}).raise_for_status()
    answer = client.put(SHARES, json={"items": items})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert client.get(SHARES).json() == {"items": []}


def test_an_unknown_symbol_has_no_shares(client: TestClient) -> None:
    """Neither to read nor to replace."""
    assert client.get(SHARES).json()["code"] == "unknown_symbol"
    assert client.put(SHARES, json={"items": []}).status_code == 404


async def test_files_of_shares_add_to_what_is_known(market: Market, tmp_path: Path) -> None:
    """What has no day applies from the first bar on; the same again is no other version."""
    path = write(
        tmp_path / "a.csv", "Symbol,Effective,Shares Outstanding", "A,,3e8", "A,20200102,4e8"
    )
    [first] = await import_shares(market, path)
    assert (counts(first), first.remarks) == ((2, 0, 0, 0), ["New symbols: 1."])
    version = (await market.directory.read("US:A")).version
    [again] = await import_shares(market, path)
    assert counts(again) == (0, 0, 2, 0)
    assert (await market.directory.read("US:A")).version == version
    [undated] = await import_shares(market, write(path, "ticker,shares", "A,5e8"))
    assert counts(undated) == (0, 1, 0, 0)
    assert (await market.directory.read("US:A")).version == version + 1
    assert await kept(market) == [(None, 5e8), ("2020-01-02", 4e8)]


async def test_faulty_shares_are_rejected_one_by_one(market: Market, tmp_path: Path) -> None:
    """Each with the first thing that is wrong."""
    lines = [
        "A,2020-01-02,3e8",
        "A,2020-02-30,3e8",
        "A,2020-01-03 10:00,3e8",
        "A,2020-01-04,many",
        "A,2020-01-04,",
        "A,2020-01-04,0",
        "A,2020-01-04,1e16",
        "A B,2020-01-04,1",
        "US:A,2020-01-02,4e8",
        "A,2020-01-05",
    ]
    path = write(tmp_path / "a.csv", "ticker,date,shares", *lines)
    [summary] = await import_shares(market, path)
    assert counts(summary) == (1, 0, 0, 9)
    assert [(line, reason) for line, reason, _ in rejected(summary.rejects_path)] == [
        (3, "bad_time"),
        (4, "bad_time"),
        (5, "bad_number"),
        (6, "invalid_shares"),
        (7, "invalid_shares"),
        (8, "invalid_shares"),
        (9, "invalid_symbol"),
        (10, "duplicate"),
        (11, "malformed_row"),
    ]
    assert await kept(market) == [("2020-01-02", 3e8)]
