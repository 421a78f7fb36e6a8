"""Who may follow what, on real sockets with real credentials: the ways in."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError
from uuid_utils.compat import uuid7

from tests.streams.authority import READ, Authority, bearer, offered
from tests.streams.client import client
from tests.streams.conftest import Serve, Served
from tests.streams.following import follow
from tradeapi.auth.revocations import Kind
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.security.api_keys import ApiKey as KeyText
from tradeapi.streams.credentials import of_token
from tradeapi.streams.limits import Limits
from tradeapi.web.principal import Scope

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0


@pytest.mark.parametrize("way", ["header", "api key header", "key as bearer", "protocol", "ticket"])
async def test_a_handshake_says_who_calls(authority: Authority, guarded: Served, way: str) -> None:
    """In each of the ways, and never is more than the version of the protocol echoed."""
    user = await authority.user()
    _, key = await authority.key(user)
    url, options = guarded.url, dict[str, Any]()
    match way:
        case "header":
            options = bearer(authority.token(user))
        case "api key header":
            options = {"additional_headers": {"x-api-key": key}}
        case "key as bearer":
            options = bearer(key)
        case "protocol":
            options = offered(authority.token(user))
        case _:
            url = f"{guarded.url}?ticket={await authority.ticket(user)}"
    async with client(url, **options) as guest:
        assert (await guest.hear())["auth"] == "done"
        assert guest.connection.subprotocol == ("tradeapi.v1" if way == "protocol" else None)
        await follow(guest, guarded)


@pytest.mark.parametrize("kind", ["token", "key"])
async def test_auth_says_it_afterwards(authority: Authority, guarded: Served, kind: str) -> None:
    """Then the socket is as good as any; its answer says whose it is and for how long."""
    user = await authority.user()
    token = authority.token(user) if kind == "token" else (await authority.key(user))[1]
    async with client(guarded.url) as guest:
        assert (await guest.hear())["auth"] == "required"
        await guest.say(op="auth", id=1, token=token)
        answer = dict(await guest.hear())
        expires = answer.pop("expires")
        assert answer == {"type": "auth", "id": 1, "user": str(user), "scopes": ["read"]}
        if kind == "token":
            assert 0 < expires - authority.clock.now() <= 900
        else:
            assert expires is None
        await follow(guest, guarded)


@pytest.mark.parametrize(
    "options", [{"is_open": True}, {"public_read": True}], ids=["open", "public"]
)
async def test_where_anybody_may_read_nobody_has_to(
    serve: Serve, place: Database, options: dict[str, Any]
) -> None:
    """But one may; and no deadline ends who does not."""
    authority = Authority(place, **options)
    async with (
        serve(Limits(auth_seconds=0.05), authority=authority) as served,
        client(served.url) as guest,
    ):
        assert (await guest.hear())["auth"] == "optional"
        await follow(guest, served)
        assert await guest.hear_rest(0.2) == []
        await guest.say(op="auth", token=authority.token())
        assert (await guest.hear())["type"] == "auth"


async def test_who_has_not_said_who_he_is_gets_nothing(serve: Serve, authority: Authority) -> None:
    """No topic is opened, none is read, and whatever is asked for, nothing of it is sent."""
    async with serve(authority=authority) as served, client(served.url) as guest:
        board = served.boards["a"]
        board.write("x", 1)
        await guest.say(op="subscribe", id=1, topics=["board:a", "board:none"])
        await guest.say(
            op="subscribe",
            id=2,
            topics=["board:a"],
            history=1,
            resume={"board:a": {"epoch": "e", "seq": 0}},
        )
        await guest.say(op="auth", id=3, token="x")
        await guest.say(op="subscribe", id=4, topics=["board:a"])
        await guest.say(op="ping", id=5)
        board.write("x", 2)
        heard = await guest.hear_rest(0.3)
        assert [(frame["type"], frame.get("code")) for frame in heard] == [
            ("hello", None),
            ("error", "unauthenticated"),
            ("error", "unauthenticated"),
            ("error", "unauthenticated"),
            ("error", "unauthenticated"),
            ("pong", None),
        ]
        assert [frame.get("id") for frame in heard[1:]] == [1, 2, 3, 4, 5]
        assert (served.hub.topics, board.reads) == ({}, 0)


async def test_who_does_not_say_it_in_time_is_closed(serve: Serve, authority: Authority) -> None:
    """Whatever else he says meanwhile."""
    async with (
        serve(Limits(auth_seconds=0.2), authority=authority) as served,
        client(served.url) as guest,
        client(served.url) as known,
    ):
        await known.say(op="auth", token=authority.token())
        await guest.say(op="ping")
        await guest.say(op="auth", token="x")
        frames, code, reason = await guest.hear_close()
        assert [frame["type"] for frame in frames] == ["hello", "pong", "error"]
        assert (code, reason) == (4408, "not authenticated")
        await follow(known, served)


def _expired(authority: Authority) -> dict[str, Any]:
    return bearer(authority.token(age=901))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (_expired, "token_expired"),
        (lambda authority: bearer(authority.token()[:-4]), "unauthenticated"),
        (lambda _: bearer("tk_nothing"), "unauthenticated"),
        (lambda _: {"additional_headers": {"authorization": "Basic YTpi"}}, "unauthenticated"),
        (lambda _: {"additional_headers": {"x-api-key": ""}}, "unauthenticated"),
        (lambda _: {"subprotocols": ["bearer.x", "tradeapi.v1"]}, "unauthenticated"),
    ],
)
async def test_credentials_that_are_no_good_close_the_socket(
    authority: Authority,
    guarded: Served,
    options: Callable[[Authority], dict[str, Any]],
    code: str,
) -> None:
    """With the reason in a frame, since a browser hides the answers to handshakes."""
    before = _closed_with(4401)
    async with client(guarded.url, **options(authority)) as guest:
        assert await guest.hear_refusal() == (code, 4401)
    assert _closed_with(4401) == before + 1
    async with client(f"{guarded.url}?ticket=nothing") as guest:
        assert await guest.hear_refusal() == ("unauthenticated", 4401)


async def test_bad_credentials_are_worse_than_none(serve: Serve, place: Database) -> None:
    """Also where anybody may read."""
    authority = Authority(place, public_read=True)
    async with (
        serve(authority=authority) as served,
        client(served.url, **_expired(authority)) as guest,
    ):
        assert await guest.hear_refusal() == ("token_expired", 4401)


async def test_a_bad_token_is_an_error_and_the_socket_lives(
    authority: Authority, guarded: Served
) -> None:
    """What was good before stays; guessing is a fault like others."""
    user = await authority.user()
    login = uuid7()
    async with client(guarded.url, **bearer(authority.token(user))) as guest:
        await guest.hear()
        await authority.revoke(Kind.LOGIN, login)
        for token, code in {
            authority.token(user, age=901): "token_expired",
            authority.token(user, login): "token_revoked",
            authority.token(): "forbidden",
            "x": "unauthenticated",
        }.items():
            await guest.say(op="auth", id=code, token=token)
            error = await guest.hear()
            assert (error["type"], error["code"], error["id"]) == ("error", code, code)
        await follow(guest, guarded)
        for _ in range(20):
            await guest.say(op="auth", token="x")
        assert await guest.close_code() == 1008


async def test_a_topic_asks_for_its_own_right(authority: Authority, guarded: Served) -> None:
    """Of each caller, whoever follows it already."""
    user = await authority.user()
    for name in ("a", "secret"):
        guarded.boards[name].write("x", 1)
    topics = ["board:secret", "board:a"]
    writing = authority.token(user, scopes=READ | {Scope.WRITE})
    async with client(guarded.url, **bearer(writing)) as writer:
        await writer.say(op="subscribe", topics=topics)
        assert (await writer.hear_type("ack"))["topics"] == topics
        for scopes, accepted in ((READ, ["board:a"]), ({Scope.INGEST}, [])):
            token = authority.token(user, scopes=frozenset(scopes))
            async with client(guarded.url, **bearer(token)) as guest:
                await guest.say(op="subscribe", topics=topics)
                ack = await guest.hear_type("ack")
                assert ack["topics"] == accepted
                assert {one["code"] for one in ack["rejected"]} == {"insufficient_scope"}
                heard = await guest.hear_rest()
                assert [frame["topic"] for frame in heard] == accepted


async def test_who_comes_to_do_less_loses_topics(authority: Authority, guarded: Served) -> None:
    """The others go on."""
    user = await authority.user()
    boards = [guarded.boards["secret"], guarded.boards["a"]]
    token = authority.token(user, scopes=READ | {Scope.WRITE})
    async with client(guarded.url, **bearer(token)) as guest:
        await guest.say(op="subscribe", topics=["board:secret", "board:a"])
        await guest.hear_rest()
        await guest.say(op="auth", token=authority.token(user))
        assert (await guest.hear())["scopes"] == ["read"]
        error = await guest.hear()
        assert (error["topic"], error["code"]) == ("board:secret", "insufficient_scope")
        for board in boards:
            board.write("x", 1)
        assert [frame["topic"] for frame in await guest.hear_rest()] == ["board:a"]


async def test_a_ticket_lets_one_in(serve: Serve, database: Database) -> None:
    """Also when two come at the same time; the other is told why."""
    authority = Authority(database)
    user = await authority.user()

    async def knock(url: str) -> str:
        async with client(url) as guest:
            frame = await guest.hear()
            if frame["type"] == "hello":
                assert frame["auth"] == "done"
                return "in"
            assert await guest.close_code() == 4401
            return str(frame["code"])

    async with serve(authority=authority) as served:
        for _ in range(5):
            url = f"{served.url}?ticket={await authority.ticket(user)}"
            answers = await asyncio.gather(knock(url), knock(url))
            assert sorted(answers) == ["in", "unauthenticated"]


async def test_a_ticket_is_good_for_half_a_minute(serve: Serve, place: Database) -> None:
    """Not longer."""
    authority = Authority(place, FixedClock(NOW))
    assert isinstance(authority.clock, FixedClock)
    ticket = await authority.ticket(await authority.user())
    authority.clock.time += 31
    async with (
        serve(authority=authority) as served,
        client(f"{served.url}?ticket={ticket}") as guest,
    ):
        assert await guest.hear_refusal() == ("unauthenticated", 4401)


async def test_no_log_has_what_a_handshake_brings(
    authority: Authority, guarded: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Not the ticket in its address, nor a token in its headers; not even for those who debug."""
    caplog.set_level("DEBUG")
    user = await authority.user()
    ticket, token = await authority.ticket(user), authority.token(user)
    for url, options in (
        (f"{guarded.url}?ticket={ticket}", {}),
        (guarded.url, bearer(token)),
        (guarded.url, offered(token)),
    ):
        async with client(url, **options) as guest:
            await guest.say(op="auth", token=token)
            await guest.hear_type("auth")
    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.client"]
    assert not [line for line in ours if ticket in line or token in line]


async def test_without_the_database_a_key_can_not_be_looked_up(serve: Serve) -> None:
    """The client may try again."""
    authority = Authority(Database("postgresql://nobody@127.0.0.1:1/nothing"))
    async with serve(authority=authority) as served, client(served.url) as guest:
        await guest.hear()
        await guest.say(op="auth", token=KeyText.new().text)
        assert (await guest.hear())["code"] == "database_unavailable"
        await guest.say(op="auth", token=authority.token())
        assert (await guest.hear())["type"] == "auth"


async def test_a_fault_of_ours_is_nobodys_outage(tmp_path: Path) -> None:
    """Such as a database without tables."""
    async with Database(f"sqlite:///{tmp_path}/empty.db") as database:
        with pytest.raises(OperationalError):
            await of_token(Authority(database).authenticator, KeyText.new().text, "::")


def _closed_with(code: int) -> float:
    return REGISTRY.get_sample_value("stream_closed_total", {"code": str(code)}) or 0
