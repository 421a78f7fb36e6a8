"""Watchlists with prices."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.auth.people import Person, Service
from tests.watchlists.lists import List, list_symbols
from tradeapi.drivers import PostgresRaw, SqliteRaw

# A Tuesday; the exchange T trades at all hours.
TODAY = date(2096, 10, 2)


def day(ago: int) -> str:
    return (TODAY - timedelta(ago)).isoformat()


def at(ago: int) -> float:
    return datetime.fromisoformat(day(ago)).replace(tzinfo=UTC).timestamp()


def bars(admin: Person, symbol: str, *rows: tuple[int, float, float, float]) -> None:
    """Daily ones: how many days ago, low, high and close."""
    items = [
        {
            "symbol": symbol,
            "resolution": "1d",
            "time": day(ago),
            "open": close,
            "low": low,
            "high": high,
            "close": close,
            "volume": 1,
        }
        for ago, low, high, close in rows
    ]
    answer = admin.call("POST", "/bars", items)
    assert answer.is_success
    assert answer.json()["rejected"] == 0


@pytest.fixture
def admin(service: Service) -> Iterator[Person]:
    """Who lists symbols of this test alone; it is noon of TODAY."""
    before = service.clock.time
    service.clock.time = at(0) + 12 * 3600
    yield list_symbols(service, [])
    service.clock.time = before


@pytest.fixture
def listing(admin: Person) -> Iterator[Callable[[str], str]]:
    """Lists symbols, that are removed in the end."""
    made: list[str] = []

    def make(name: str) -> str:
        symbol = f"T:{name}"
        answer = admin.call("PUT", f"/symbols/{symbol}", {"name": name})
        assert answer.is_success, answer.text
        made.append(symbol)
        return symbol

    yield make
    for symbol in made:
        assert admin.call("DELETE", f"/symbols/{symbol}").is_success


def quotes(mine: List) -> list[dict[str, Any]]:
    answer = mine.person.get(f"{mine.path}/quotes")
    assert answer["version"] == mine.version()
    return list(answer["items"])


def test_an_item_has_its_prices(admin: Person, listing: Callable[[str], str]) -> None:
    """In the order of the list; the range is one of 364 days, whatever came before."""
    one, other = listing("ONE"), listing("OTHER")
    bars(admin, one, (365, 1, 99, 50), (364, 8, 30, 20), (1, 9, 12, 10), (0, 9.5, 11, 10.5))
    mine = List.of(admin)
    mine.add(other, name="Mine")
    mine.add(one, added_price=8)
    unpriced, item = quotes(mine)
    assert unpriced == {
        "symbol": other,
        "name": "Mine",
        "currency": "USD",
        **dict.fromkeys(("last", "change", "change_percent", "since_added", "since_added_percent")),
        **dict.fromkeys(("low", "high", "low_52_weeks", "high_52_weeks", "time")),
        "closes": [],
        "stale": True,
    }
    assert item == {
        "symbol": one,
        "name": "ONE",
        "currency": "USD",
        "last": 10.5,
        "change": 0.5,
        "change_percent": 5.0,
        "since_added": 2.5,
        "since_added_percent": 31.25,
        "low": 9.5,
        "high": 11.0,
        "low_52_weeks": 8.0,
        "high_52_weeks": 30.0,
        "closes": [20.0, 10.0, 10.5],
        "time": item["time"],
        "stale": item["stale"],
    }
    quote = admin.get(f"/quotes?symbols={one}")["items"][0]
    assert {name: item[name] for name in quote.keys() & item.keys()} == {
        name: quote[name] for name in quote.keys() & item.keys()
    }


def test_prices_are_in_terms_of_todays_shares(admin: Person, listing: Callable[[str], str]) -> None:
    """From before a split they are restated, also that at which an item was added; what is only
    announced changes nothing."""
    symbol = listing("SPLIT")
    bars(admin, symbol, (20, 90, 110, 100), (10, 36, 44, 40), (1, 9, 11, 10), (0, 9, 12, 11))
    actions = [
        {"kind": "split", "ex_date": day(ago), "value": value}
        for ago, value in ((15, 2), (5, 4), (-5, 3))
    ]
    answer = admin.call("PUT", f"/symbols/{symbol}/actions", {"items": actions})
    assert answer.is_success, answer.text
    mine = List.of(admin)
    mine.add(symbol, added_price=40, added_at=at(10))
    [item] = quotes(mine)
    assert (item["low_52_weeks"], item["high_52_weeks"]) == (9.0, 13.75)
    assert item["closes"] == [12.5, 10.0, 10.0, 11.0]
    assert (item["since_added"], item["since_added_percent"]) == (1.0, 10.0)
    mine.change(symbol, added_at=at(20), added_price=100)
    [item] = quotes(mine)
    assert item["since_added"] == -1.5
    mine.change(symbol, added_at=at(1), added_price=10)
    assert quotes(mine)[0]["since_added"] == 1.0


def test_a_range_is_that_of_all_its_bars(admin: Person, listing: Callable[[str], str]) -> None:
    """Of the newest ones and of those that have been packed away, over more than one pack."""
    symbol = listing("LONG")
    rows = [
        (ago, 5000.0 - ago - (500 if ago == 363 else 0), 5100.0 + ago, 5000.0 - ago)
        for ago in range(2900, -1, -1)
    ]
    for first in range(0, len(rows), 1000):
        bars(admin, symbol, *rows[first : first + 1000])
    mine = List.of(admin)
    mine.add(symbol)
    [item] = quotes(mine)
    assert (item["low_52_weeks"], item["high_52_weeks"]) == (4137.0, 5464.0)
    assert item["closes"] == [5000.0 - ago for ago in range(59, -1, -1)]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whatever is asked of the database meanwhile, with the ORM or without."""
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    def noting(fetch: Callable[..., Any]) -> Callable[..., Any]:
        def noted(raw: object, sql: str, *arguments: object) -> Any:
            statements.append(sql)
            return fetch(raw, sql, *arguments)

        return noted

    event.listen(Engine, "before_cursor_execute", note)
    with monkeypatch.context() as patch:
        for raw in (PostgresRaw, SqliteRaw):
            patch.setattr(raw, "fetch", noting(raw.fetch))
        yield statements
    event.remove(Engine, "before_cursor_execute", note)


def test_a_long_list_takes_no_more_statements(
    admin: Person, listing: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Than one with a single item."""
    symbols = [listing(f"MANY{number}") for number in range(40)]
    for symbol in symbols:
        bars(admin, symbol, (1, 9, 12, 10), (0, 9.5, 11, 10.5))
    lists = [List.of(admin, f"List {length}", symbols[:length]) for length in (1, 40)]
    counts: list[int] = []
    for mine in lists:
        # For what others remember of it.
        admin.get(f"{mine.path}/quotes")
        with counted(monkeypatch) as statements:
            items = admin.get(f"{mine.path}/quotes")["items"]
        assert len(items) == len(mine.items())
        asked = [statement for statement in statements if "watchlist" in statement]
        asked += [statement for statement in statements if "bar_" in statement]
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0
