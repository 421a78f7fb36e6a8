"""What happens while a chart is open: it shows what REST has, and is told when it can't."""

import signal

import pytest

from tests.datafeed.conftest import Open
from tests.datafeed.market import Market
from tests.hostile.serving import Server, eventually


def test_trades_are_seen(server: Server, market: Market, open_page: Open) -> None:
    """In all charts, by way of one socket, and without another look at the history."""
    market.post_bars(30)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    page.do("open", symbol=market.symbol, resolution="5")
    page.do("open", symbol=market.symbol, resolution="1")
    for minute, price in ((0, 11), (0, 14), (1, 12), (3, 13), (6, 9)):
        market.trade(minute, price)
    for chart, resolution in enumerate(("1m", "5m", "1m")):
        market.becomes(page, chart, resolution)
    seen = page.seen
    assert (seen["sockets"], seen["reads"], seen["resets"], seen["violations"]) == (1, 3, 0, 0)


def test_what_comes_between_reading_and_following_is_seen(
    server: Server, market: Market, open_page: Open
) -> None:
    """The library takes its time; a bar has ended meanwhile, and others have come."""
    market.post_bars(30)
    page = open_page(server)
    page.do("begin", symbol=market.symbol, resolution="1")
    for minute in range(4):
        market.trade(minute, 12 + minute)
    page.do("follow")
    market.becomes(page)
    assert (page.seen["reads"], page.seen["resets"]) == (1, 0)


def test_an_empty_chart_fills(server: Server, market: Market, open_page: Open) -> None:
    """Of a symbol that nobody has traded."""
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    assert page.do("bars") == []
    for minute in range(3):
        market.trade(minute, 10)
    market.becomes(page)


@pytest.mark.parametrize("resubscribes", [False, True])
def test_a_change_of_the_past_is_read_anew(
    server: Server, market: Market, open_page: Open, *, resubscribes: bool
) -> None:
    """A closed bar that is revised, one that is new between others, and an import; each time the
    chart goes on from there."""
    market.post_bars(30)
    page = open_page(server, resubscribes=resubscribes)
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.trade(2, 11)
    market.becomes(page)
    assert page.seen["resets"] == 0
    market.trade(0, 20, seconds=30)
    market.becomes(page)
    assert page.seen["resets"] == 1
    market.trade(1, 11)
    market.becomes(page)
    market.post_bars(50)
    market.trade(3, 12)
    market.becomes(page)
    assert page.seen["violations"] == 0


def test_the_newest_bar_is_corrected_in_place(
    server: Server, market: Market, open_page: Open
) -> None:
    """Even when it was closed; and what a chart has not read may change unheard."""
    market.post_bars(700)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    market.correct(0, -1)
    for _ in eventually():
        if page.do("bars") == market.bars()[-329:]:
            break
    assert (page.seen["reads"], page.seen["resets"]) == (1, 0)


def test_a_chart_outlives_the_server(server: Server, market: Market, open_page: Open) -> None:
    """Which is killed and begins again; the chart goes on where it stopped and reads nothing."""
    market.post_bars(30)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    server.kill()
    server.start()
    for _ in eventually(60):
        if server.metric("stream_subscriptions"):
            break
    for minute in range(3):
        market.trade(minute, 15 + minute, seconds=5)
    market.becomes(page)
    seen = page.seen
    assert (seen["sockets"] > 1, seen["reads"], seen["resets"], seen["violations"]) == (
        True, 1, 0, 0,
    )  # fmt: skip


def test_what_nobody_was_there_to_tell_is_read(
    server: Server, market: Market, open_page: Open
) -> None:
    """Trades between the start of a server and the return of its clients."""
    market.post_bars(30)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    server.kill()
    server.start()
    for minute in range(3):
        market.trade(minute, 15 + minute, seconds=5)
    market.becomes(page)
    for minute in range(3, 6):
        market.trade(minute, 15)
    market.becomes(page)
    assert page.seen["violations"] == 0


def test_a_server_that_says_goodbye_is_waited_for(
    server: Server, market: Market, open_page: Open
) -> None:
    """What happened while nobody was there to tell it is told by the next."""
    market.post_bars(30)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    server.signal(signal.SIGTERM)
    server.wait()
    server.start()
    market.trade(0, 12, seconds=20)
    market.becomes(page)
    assert page.seen["violations"] == 0


def test_a_server_that_is_silent_is_left(server: Server, market: Market, open_page: Open) -> None:
    """It hangs with the connection open; the client's clock runs fast here."""
    market.post_bars(30)
    page = open_page(server, hurry=50)
    page.do("open", symbol=market.symbol, resolution="1")
    page.do("watch", symbols=[market.symbol])
    for _ in eventually():
        if page.do("watched").get(market.symbol, {}).get("v", {}).get("lp") == 11:
            break
    server.signal(signal.SIGSTOP)
    try:
        for _ in eventually():
            if page.seen["sockets"] > 1:
                break
    finally:
        server.signal(signal.SIGCONT)
    market.trade(0, 12)
    market.becomes(page)


def test_a_chart_that_is_closed_leaves_nothing(
    server: Server, market: Market, open_page: Open
) -> None:
    """No topic, and after a while no socket."""
    market.post_bars(30)
    page = open_page(server, hurry=50)
    page.do("open", symbol=market.symbol, resolution="1")
    for _ in eventually():
        if server.metric("stream_clients"):
            break
    page.do("close")
    for _ in eventually():
        if not server.metric("stream_clients"):
            break


def test_a_symbol_that_is_removed_is_told(server: Server, market: Market, open_page: Open) -> None:
    """To whoever is to hear of errors."""
    market.post_bars(30)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    assert server.client.delete(f"/api/v1/symbols/{market.symbol}").is_success
    for _ in eventually():
        if page.seen["errors"]:
            break
    assert market.symbol in page.seen["errors"][0]


def test_each_chart_has_its_own_past(server: Server, market: Market, open_page: Open) -> None:
    """One has gone back further than the next one does, and learns of a change there."""
    market.post_bars(500)
    page = open_page(server)
    page.do("open", symbol=market.symbol, resolution="1")
    page.do("scroll")
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    market.correct(0)
    market.becomes(page)
