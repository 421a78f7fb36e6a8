"""Watchlists: the newest prices, and whether they still are."""

import time
from typing import Any

import pytest

from tests.datafeed.conftest import Open
from tests.datafeed.market import Market
from tests.datafeed.page import Failed, Page
from tests.hostile.serving import Server, eventually


def test_quotes_come_as_they_are_asked_for(server: Server, market: Market, open_page: Open) -> None:
    """By the names of the question, each with what is known; an unknown one says so."""
    now = int(time.time())
    server.post("/ticks", {"symbol": market.symbol, "price": 8, "size": 2, "time": now - 86400})
    server.post("/ticks", {"symbol": market.symbol, "price": 10, "size": 2, "time": now})
    names = [market.ticker.lower(), "TEST:NOPE", market.symbol]
    bare, unknown, full = open_page(server).do("quotes", symbols=names)
    assert [bare["n"], unknown["n"], full["n"]] == names
    assert unknown == {"s": "error", "n": "TEST:NOPE", "v": {}}
    assert bare["v"] == full["v"] == {
        "short_name": market.ticker, "exchange": "TEST", "original_name": market.symbol,
        "description": "Gold", "lp": 10, "lp_time": now, "ch": 2, "chp": 25,
        "open_price": 10, "high_price": 10, "low_price": 10, "prev_close_price": 8,
        "volume": 2, "stale": 0,
    }  # fmt: skip


def test_a_watchlist_is_kept_up_to_date(server: Server, market: Market, open_page: Open) -> None:
    """Also under a name without an exchange, and until it is left."""
    page = open_page(server)
    page.do("watch", symbols=[market.ticker, market.symbol, "TEST:NOPE", "NOPE"])
    assert _watched(page, market.symbol, "lp", None)["v"]["stale"] == 1
    server.post("/ticks", _trade(market, 10))
    assert _watched(page, market.ticker, "lp", 10)["v"]["stale"] == 0
    _watched(page, market.symbol, "lp", 10)
    for name in ("NOPE", "TEST:NOPE"):
        assert _watched(page, name, "lp", None) == {"s": "error", "n": name, "v": {}}
    assert page.seen["sockets"] == 1
    page.do("quotes", symbols=[market.symbol])
    server.post("/ticks", _trade(market, 11))
    assert _watched(page, market.symbol, "lp", 11)["v"]["description"] == "Gold"
    page.do("unwatch")
    for _ in eventually():
        if not server.metric("stream_subscriptions"):
            break


def test_an_old_price_says_so(server: Server, market: Market, open_page: Open) -> None:
    """One that has not been traded for long, and any while the server is away."""
    market.trade(0, 9)
    page = open_page(server)
    page.do("watch", symbols=[market.symbol])
    assert _watched(page, market.symbol, "stale", 1)["v"]["description"].endswith("(not current)")
    server.post("/ticks", _trade(market, 10))
    assert _watched(page, market.symbol, "stale", 0)["v"]["description"] == market.ticker
    server.kill()
    assert _watched(page, market.symbol, "stale", 1)["v"]["lp"] == 10
    server.start()
    _watched(page, market.symbol, "stale", 0)


def test_a_server_that_can_not_be_reached_is_an_error(server: Server, open_page: Open) -> None:
    """After some tries."""
    page = open_page(server, hurry=50)
    assert page.seen["errors"] == []
    server.kill()
    with pytest.raises(Failed, match="fetch failed"):
        page.do("quotes", symbols=["TEST:GOLD"])
    server.start()


def _trade(market: Market, price: float) -> dict[str, object]:
    return {"symbol": market.symbol, "price": price, "size": 1, "time": int(time.time())}


def _watched(page: Page, name: str, field: str, value: object) -> Any:
    """The quote of this name, once it is as expected."""
    quote = None
    for _ in eventually(60):
        quote = page.do("watched").get(name)
        if quote is not None and quote["v"].get(field) == value:
            break
    return quote
