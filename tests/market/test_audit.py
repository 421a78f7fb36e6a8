"""The record has who changed the market by hand, and who removed what of it."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs
from typer.testing import CliRunner

from tests.auth.people import PROXY, Person, Service, serving, sql
from tests.market.places import TODAY, Market
from tradeapi.auth.audit import Audit, Caller
from tradeapi.auth.models import AuditEntry
from tradeapi.cli import cli
from tradeapi.database import Database
from tradeapi.market.symbols.actions import Actions, Term, recorded
from tradeapi.web.preconditions import Precondition

SYMBOL = "/symbols/US:AAPL"
BARS = "/bars/US:AAPL?resolution=1d"
EXCHANGE = {"calendar": "24x7", "currency": "USD", "name": "Stocks"}
SPLIT = {"ex_date": "2024-06-10", "kind": "split", "value": 10}
SHARES = {"effective": "2024-06-10", "shares": 5e9}
CALLER = Caller(actor=UUID(int=7), address=PROXY, agent="test", request_id="one")
STALE = {"if-match": '"0.0"'}

# Each changes something where there is the symbol with a bar of yesterday.
ACTS: Mapping[str, tuple[str, str, object]] = {
    "exchange.put": ("PUT", "/exchanges/US", EXCHANGE),
    "symbol.put": ("PUT", SYMBOL, {"name": "Apple"}),
    "symbol.actions": ("PUT", f"{SYMBOL}/actions", {"items": [SPLIT]}),
    "symbol.shares": ("PUT", f"{SYMBOL}/shares", {"items": [SHARES]}),
    "bars.delete": ("DELETE", BARS, None),
    "symbol.delete": ("DELETE", SYMBOL, None),
}


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """On SQLite and on PostgreSQL."""
    with serving(database_url, tmp_path) as service:
        yield service


@pytest.fixture
def admin(service: Service) -> Person:
    return service.admin()


def done(admin: Person) -> list[tuple[str, str, str]]:
    """What the admin did to the market, the oldest first."""
    items = admin.get(f"/admin/audit?actor={admin.id}")["items"]
    return [
        (entry["action"], entry["target"], entry["outcome"])
        for entry in reversed(items)
        if entry["action"].startswith(("symbol.", "exchange.", "bars."))
    ]


def call(
    admin: Person, method: str, path: str, body: object = None, *, status: int = 200
) -> Mapping[str, str]:
    answer = admin.call(method, path, body)
    assert answer.status_code == status, answer.text
    return answer.headers


def add_bars(admin: Person, *days: int) -> None:
    prices = dict.fromkeys(("open", "high", "low", "close"), 10)
    bars = [
        {"symbol": "US:AAPL", "resolution": "1d", "time": TODAY - day * 86400, **prices}
        for day in days
    ]
    answer = admin.call("POST", "/bars", bars)
    assert answer.json()["inserted"] == len(days), answer.text


def test_the_record_has_every_change_by_hand(admin: Person) -> None:
    """Under full names, in the order in which they were made."""
    call(admin, "PUT", "/exchanges/us", EXCHANGE, status=201)
    call(admin, "PUT", "/exchanges/US", EXCHANGE | {"currency": "GBP"})
    call(admin, "PUT", "/symbols/us:aapl", {}, status=201)
    call(admin, "PUT", SYMBOL, {"name": "Apple"})
    call(admin, "PUT", "/symbols/aapl/actions", {"items": [SPLIT]})
    call(admin, "PUT", f"{SYMBOL}/actions", {"items": []})
    add_bars(admin, 1, 2, 3)
    call(admin, "DELETE", f"/bars/aapl?resolution=1d&start={TODAY - 2 * 86400}")
    call(admin, "DELETE", "/symbols/aapl", status=204)
    assert done(admin) == [
        ("exchange.put", "US", "created"),
        ("exchange.put", "US", "changed"),
        ("symbol.put", "US:AAPL", "created"),
        ("symbol.put", "US:AAPL", "changed"),
        ("symbol.actions", "US:AAPL", "1"),
        ("symbol.actions", "US:AAPL", "0"),
        ("bars.delete", "US:AAPL", "2"),
        ("symbol.delete", "US:AAPL", "done"),
    ]


@pytest.mark.parametrize("action", ACTS)
def test_an_entry_says_who_did_it_and_in_which_request(
    service: Service, admin: Person, action: str
) -> None:
    """As the entries of accounts do."""
    call(admin, "PUT", SYMBOL, {}, status=201)
    add_bars(admin, 1)
    answer = admin.call(*ACTS[action], headers={"user-agent": "test"})
    assert answer.is_success, answer.text
    entry = admin.get(f"/admin/audit?action={action}")["items"][0]
    assert {key: entry[key] for key in entry.keys() - {"id", "target", "outcome"}} == {
        "at": service.clock.now(),
        "actor": admin.id,
        "action": action,
        "address": PROXY,
        "agent": "test",
        "request_id": answer.headers["x-request-id"],
    }


def test_what_changes_nothing_is_not_in_it(admin: Person) -> None:
    """The same again, and bars of which there are none."""
    for status in (201, 200):
        call(admin, "PUT", "/exchanges/US", EXCHANGE, status=status)
        call(admin, "PUT", SYMBOL, {"name": "Apple"}, status=status)
    for _ in range(2):
        call(admin, "PUT", f"{SYMBOL}/actions", {"items": [SPLIT]})
        call(admin, "PUT", f"{SYMBOL}/shares", {"items": [SHARES]})
    call(admin, "DELETE", BARS)
    assert [action for action, _, _ in done(admin)] == [
        "exchange.put",
        "symbol.put",
        "symbol.actions",
        "symbol.shares",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", SYMBOL, {"name": "Apple"}),
        ("PUT", "/symbols/US:NEW", {}),
        ("PUT", f"{SYMBOL}/actions", {"items": [SPLIT]}),
        ("DELETE", SYMBOL, None),
    ],
)
def test_what_is_refused_as_stale_is_not_in_it(
    admin: Person, method: str, path: str, body: object
) -> None:
    """Nothing was done."""
    call(admin, "PUT", SYMBOL, {}, status=201)
    before = done(admin)
    assert admin.call(method, path, body, headers=STALE).status_code == 412
    assert done(admin) == before


def test_bars_and_trades_that_come_in_are_not_in_it(admin: Person) -> None:
    """There are too many, and they are no acts."""
    call(admin, "PUT", SYMBOL, {}, status=201)
    before = done(admin)
    add_bars(admin, 1)
    assert done(admin) == before


@pytest.mark.parametrize("action", ACTS)
def test_what_can_not_be_recorded_does_not_happen(
    service: Service, admin: Person, action: str
) -> None:
    """The entry and the change are one transaction."""
    call(admin, "PUT", SYMBOL, {}, status=201)
    add_bars(admin, 1)

    def stored() -> list[Any]:
        paths = ("/exchanges", SYMBOL, f"{SYMBOL}/actions", f"{SYMBOL}/shares", BARS)
        return [admin.get(one) for one in paths]

    before = stored()
    sql(service.url, "ALTER TABLE audit RENAME TO lost")
    # By default structlog draws a picture of the traceback, which takes seconds.
    with capture_logs():
        assert admin.call(*ACTS[action]).status_code == 500
    sql(service.url, "ALTER TABLE lost RENAME TO audit")
    assert stored() == before
    assert admin.call(*ACTS[action]).is_success


async def test_what_is_rolled_back_is_not_in_it(market: Market) -> None:
    """Neither is the change there."""
    listing = await market.add("US:AAPL")
    terms = [Term(date(2024, 6, 10), "split", 10)]

    async def replace_and_fail() -> None:
        async with market.database.transaction() as session:
            audit = Audit(session, CALLER, market.clock.now())
            await Actions(session, market.store, audit).replace(listing, terms, Precondition(None))
            await session.flush()
            assert (await session.scalars(select(AuditEntry.action))).all() == ["symbol.actions"]
            raise LookupError

    with pytest.raises(LookupError):
        await replace_and_fail()
    async with market.database.reading() as session:
        assert await recorded(session, listing.id) == []
        assert (await session.scalars(select(AuditEntry))).all() == []


def test_what_operators_do_is_in_it(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody by name, but the command."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    for _ in range(2):
        result = CliRunner().invoke(cli, ["exchange", "set", "US", "--calendar", "24x7"])
        assert result.exit_code == 0, result.output

    async def entries() -> list[tuple[object, ...]]:
        async with Database(database_url) as database, database.reading() as session:
            rows = (await session.scalars(select(AuditEntry))).all()
        return [(row.actor, row.agent, row.action, row.target, row.outcome) for row in rows]

    assert asyncio.run(entries()) == [(None, "tradeapi exchange", "exchange.put", "US", "created")]
