"""What a chart reads: symbols, and their bars back to the first."""

import time

import pytest

from tests.datafeed.conftest import Open
from tests.datafeed.market import Market
from tests.datafeed.page import Failed
from tests.hostile.serving import Server


def test_a_chart_scrolls_to_the_first_bar(server: Server, market: Market, open_page: Open) -> None:
    """By pages that fit together, and then it is told that there is no more."""
    market.post_bars(1500)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    assert page.do("bars") == market.bars()[-329:]
    assert page.do("scroll") == {"noData": True}
    assert page.do("bars") == market.bars()
    assert page.seen["violations"] == 0


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        ("5", "5m"),
        ("60", "1h"),
        ("240", "4h"),
        ("1D", "1d"),
        ("1W", "1w"),
        ("1M", "1M"),
        ("D", "1d"),
    ],
)
def test_resolutions_have_other_names(
    server: Server, market: Market, open_page: Open, name: str, resolution: str
) -> None:
    """TradingView's."""
    market.post_bars(300)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution=name)
    assert page.do("bars") == market.bars(resolution)


def test_how_many_counts_for_more_than_from_when(
    server: Server, market: Market, open_page: Open
) -> None:
    """`to` does not belong to it; without a number `from` counts, and a gap says what is older."""
    market.post_bars(100)
    page = open_page(server)
    real = market.bars()

    def read(**period: object) -> tuple[list[object], object]:
        answer = page.do("read", symbol=market.symbol, resolution="1", **period)
        return answer["bars"], answer["meta"]

    period = {"from": market.now - 600, "to": market.now - 60, "firstDataRequest": False}
    assert read(**period, countBack=50) == (real[49:99], {"noData": False})
    assert read(**period) == (real[90:99], {"noData": False})
    gap = {"from": market.now + 60, "to": market.now + 600, "firstDataRequest": False}
    assert read(**gap) == ([], {"noData": True, "nextTime": market.now - 60})
    before = {"from": 0, "to": real[0]["time"] / 1000, "firstDataRequest": False}
    assert read(**before, countBack=50) == ([], {"noData": True})


def test_a_symbol_is_described(server: Server, market: Market, open_page: Open) -> None:
    """Under any of its names; one that is none is unknown."""
    market.post_bars(1)
    page = open_page(server)
    info = page.do("resolve", symbol=market.ticker.lower())
    assert info["ticker"] == info["full_name"] == market.symbol
    assert (info["name"], info["description"], info["type"]) == (market.ticker, "Gold", "crypto")
    assert (info["minmov"], info["pricescale"]) == (25, 100)
    assert (info["session"], info["timezone"]) == ("24x7", "Etc/UTC")
    assert page.do("resolve", symbol=market.symbol) == info
    for nothing in ("TEST:NOPE", "a b", "?"):
        with pytest.raises(Failed, match=r"^unknown_symbol$"):
            page.do("resolve", symbol=nothing)


def test_a_chart_knows_when_the_market_is_open(server: Server, open_page: Open) -> None:
    """And on which days it is not."""
    server.put("/exchanges/NYSE", calendar="XNYS")
    server.put("/symbols/NYSE:ACME", name="Acme Inc.")
    info = open_page(server).do("resolve", symbol="ACME")
    assert (info["session"], info["timezone"]) == ("0930-1600", "America/New_York")
    assert "20241225" in info["session_holidays"]
    assert "0930-1300:" in info["corrections"]


def test_symbols_are_found(server: Server, market: Market, open_page: Open) -> None:
    """By what is typed, within what is chosen."""
    market.post_bars(1)
    server.put(f"/symbols/OTHER:{market.ticker}", type="stock")
    page = open_page(server)
    configuration = page.do("configuration")
    assert {"", "OTHER", "TEST"} <= {one["value"] for one in configuration["exchanges"]}
    assert "1M" in configuration["supported_resolutions"]
    found = page.do("search", query=market.ticker, type="crypto")
    assert (found[0]["ticker"], found[0]["type"]) == (market.symbol, "crypto")
    assert [one["ticker"] for one in page.do("search", exchange="OTHER")] == [
        f"OTHER:{market.ticker}"
    ]
    assert page.do("search", query="x" * 5000) == []


def test_splits_and_dividends_are_marked(server: Server, market: Market, open_page: Open) -> None:
    """On their days, and prices are restated for the splits."""
    bars = [
        {
            "symbol": market.symbol,
            "resolution": "1d",
            "time": day,
            "open": 8,
            "high": 8,
            "low": 8,
            "close": 8,
            "volume": 2,
        }
        for day in ("2024-06-03", "2024-06-04")
    ]
    server.post("/bars", bars)
    actions = [
        {"ex_date": "2024-06-04", "kind": "split", "value": 2},
        {"ex_date": "2024-06-04", "kind": "dividend", "value": 0.5},
    ]
    server.put(f"/symbols/{market.symbol}/actions", items=actions)
    page = open_page(server)
    [mark] = page.do("marks", symbol=market.symbol, resolution="1D")
    assert (mark["time"], mark["label"]) == (1717459200, "S")
    assert len(mark["tooltip"]) == 2
    page.do("open", symbol=market.symbol, resolution="1D")
    assert [bar["close"] for bar in page.do("bars")] == [4, 8]


@pytest.mark.usefixtures("market")
def test_the_time_is_the_servers(server: Server, open_page: Open) -> None:
    """In whole seconds."""
    told = open_page(server).do("time")
    assert isinstance(told, int)
    assert abs(told - time.time()) < 60
