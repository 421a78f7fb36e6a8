"""Who asks is said to the server, again and again where that takes it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.datafeed.conftest import Open
from tests.datafeed.market import Market
from tests.datafeed.page import Failed
from tests.hostile.serving import Server, eventually, serve
from tests.servers.databases import SqliteDatabases

PERSON = {"email": "ada@example.com", "password": "correct horse battery"}


@pytest.fixture(scope="module")
def server(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """It wants to know who asks; its tokens are good for a minute, so it warns of each at once."""
    folder = tmp_path_factory.mktemp("server")
    settings = {"AUTH_REQUIRED": "true", "ACCESS_TOKEN_EXPIRE_MINUTES": "1"}
    with serve(sqlite_databases.copy(folder), folder, **settings) as server:
        server.admit_admin()
        assert server.client.post("/api/v1/auth/register", json=PERSON).is_success
        yield server


def log_in(server: Server) -> Any:
    form = {"username": PERSON["email"], "password": PERSON["password"]}
    return server.client.post("/api/v1/auth/token", data=form).raise_for_status().json()


def token(server: Server) -> str:
    access_token: str = log_in(server)["access_token"]
    return access_token


@pytest.mark.parametrize("kind", ["token", "key"])
def test_a_chart_says_whose_it_is(
    server: Server, market: Market, open_page: Open, kind: str
) -> None:
    """With a token or an API key, over HTTP and on the socket."""
    market.post_bars(30)
    credential = token(server) if kind == "token" else server.client.headers["x-api-key"]
    page = open_page(server, token=credential)
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    assert page.seen["errors"] == []


def test_a_token_is_renewed_before_it_ends(server: Server, market: Market, open_page: Open) -> None:
    """On the same socket; the page is told which one is at its end."""
    market.post_bars(30)
    first, second = token(server), token(server)
    page = open_page(server, tokens=[first, second])
    page.do("open", symbol=market.symbol, resolution="1")
    for _ in eventually():
        if page.seen["refused"] == [None, first]:
            break
    market.trade(0, 11)
    market.becomes(page)
    assert (page.seen["sockets"], page.seen["errors"]) == (1, [])


def test_a_token_that_is_no_good_is_exchanged(
    server: Server, market: Market, open_page: Open
) -> None:
    """Over HTTP, and when the login ends and with it the socket."""
    market.post_bars(30)
    login, next_one = log_in(server), token(server)
    page = open_page(
        server, tokens=["nothing", login["access_token"], login["access_token"], next_one]
    )
    page.do("open", symbol=market.symbol, resolution="1")
    market.trade(0, 11)
    market.becomes(page)
    headers = {"authorization": f"Bearer {login['access_token']}"}
    assert server.client.post("/api/v1/auth/logout", headers=headers).is_success
    for _ in eventually(60):
        if page.seen["sockets"] > 1:
            break
    market.trade(1, 12)
    market.becomes(page)
    assert (page.seen["reads"], page.seen["violations"]) == (1, 0)


def test_without_a_token_it_is_said_what_is_missing(server: Server, open_page: Open) -> None:
    """In the words of the server; the socket does not try for ever."""
    page = open_page(server)
    with pytest.raises(Failed, match="Say who you are"):
        page.do("resolve", symbol="TEST:GOLD")
    page.do("watch", symbols=["TEST:GOLD"])
    for _ in eventually():
        if page.seen["errors"]:
            break
    assert page.seen["errors"] == ["This server has to be given a token."]
    assert page.seen["sockets"] == 1


def test_a_token_that_can_not_be_exchanged_is_the_end(server: Server, open_page: Open) -> None:
    """Of the socket; the reason is told."""
    page = open_page(server, token="nothing")
    page.do("watch", symbols=["TEST:GOLD"])
    for _ in eventually():
        if page.seen["errors"]:
            break
    time.sleep(1)
    assert len(page.seen["errors"]) == 1
    assert page.do("watched")["TEST:GOLD"]["s"] == "error"
    assert page.seen["sockets"] == 1


def test_a_ticket_opens_the_socket(server: Server, market: Market, open_page: Open) -> None:
    """For pages that leave tokens to a server of their own; another one each time."""
    first, second = token(server), token(server)
    page = open_page(server, tickets=[first, second])
    page.do("watch", symbols=[market.symbol])
    for _ in eventually():
        if page.do("watched"):
            break
    headers = {"authorization": f"Bearer {first}"}
    assert server.client.post("/api/v1/auth/logout", headers=headers).is_success
    for _ in eventually():
        if page.seen["sockets"] > 1:
            break
    market.trade(0, 11)
    for _ in eventually():
        if page.do("watched")[market.symbol]["v"].get("lp") == 11:
            break
    assert page.seen["errors"] == []
