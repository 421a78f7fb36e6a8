"""Who may follow what by server-sent events: the ways in, tickets that come again, and the ends."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio
import pytest
from starlette.middleware import Middleware
from uuid_utils.compat import uuid7

from tests.streams.authority import READ, Authority
from tests.streams.client import client
from tests.streams.conftest import Serve, Served
from tests.streams.event_source import event_source, refused
from tests.streams.waiting import Waiting, until
from tradeapi.auth.revocations import Kind
from tradeapi.auth.tickets import SECONDS, TicketKind
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.streams.limits import Limits
from tradeapi.web.principal import Scope

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0
NOBODY = (401, "unauthenticated")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def follow(served: Served, **options: Any) -> None:
    """It is let in, and hears a board."""
    if not served.boards["a"].values:
        served.boards["a"].write("x", 1)
    async with event_source(served.events_url, "board:a", **options) as source:
        assert (await source.hear_type("ack"))["topics"] == ["board:a"]
        assert (await source.hear())["values"] == served.boards["a"].values


@pytest.mark.parametrize("way", ["header", "api key header", "key as bearer", "ticket"])
async def test_a_request_says_who_calls(authority: Authority, guarded: Served, way: str) -> None:
    """In headers as everywhere, or with a ticket in its address."""
    user = await authority.user()
    _, key = await authority.key(user)
    match way:
        case "header":
            await follow(guarded, headers=bearer(authority.token(user)))
        case "api key header":
            await follow(guarded, headers={"x-api-key": key})
        case "key as bearer":
            await follow(guarded, headers=bearer(key))
        case _:
            ticket = await authority.ticket(user, kind=TicketKind.STREAM)
            await follow(guarded, ticket=ticket)


async def test_who_does_not_say_it_is_refused(authority: Authority, guarded: Served) -> None:
    """As a problem, and no topic is opened."""
    url, user = guarded.events_url, await authority.user()
    old, broken = authority.token(age=901), authority.token()[:-4]
    assert await refused(url, "board:a") == NOBODY
    assert await refused(url, "board:a", headers=bearer(old)) == (401, "token_expired")
    assert await refused(url, "board:a", headers=bearer(broken)) == NOBODY
    assert await refused(url, "board:a", headers={"x-api-key": ""}) == NOBODY
    assert await refused(url, "board:a", ticket="") == NOBODY
    assert await refused(url, "board:a", ticket="\0") == NOBODY
    # A token is no ticket, in an address least of all.
    assert await refused(url, "board:a", ticket=authority.token(user)) == NOBODY
    writing = authority.token(user, scopes=frozenset({Scope.WRITE}))
    assert await refused(url, "board:a", headers=bearer(writing)) == (403, "insufficient_scope")
    # Nor does who is refused learn what else is wrong.
    assert await refused(url, "", history="x") == NOBODY
    assert (guarded.hub.topics, len(guarded.hub.mailboxes)) == ({}, 0)


@pytest.mark.parametrize(
    "options", [{"is_open": True}, {"public_read": True}], ids=["open", "public"]
)
async def test_where_anybody_may_read_nobody_has_to(
    serve: Serve, place: Database, options: dict[str, Any]
) -> None:
    """But what is no good is worse than nothing."""
    authority = Authority(place, **options)
    async with serve(authority=authority) as served:
        await follow(served)
        await follow(served, headers=bearer(authority.token()))
        broken = authority.token()[:-4]
        assert await refused(served.events_url, "board:a", headers=bearer(broken)) == NOBODY
        assert await refused(served.events_url, "board:a", ticket="nothing") == NOBODY


async def test_a_topic_asks_for_its_own_right(authority: Authority, guarded: Served) -> None:
    """The ack says which are not for this caller."""
    user = await authority.user()
    for name in ("a", "secret"):
        guarded.boards[name].write("x", 1)
    for scopes, codes in ((READ, ["insufficient_scope"]), (READ | {Scope.WRITE}, [])):
        headers = bearer(authority.token(user, scopes=scopes))
        async with event_source(
            guarded.events_url, "board:secret,board:a", headers=headers
        ) as source:
            ack = await source.hear()
            assert [one["code"] for one in ack["rejected"]] == codes
            heard = {frame["topic"] for frame in await source.hear_rest()}
            assert heard == {*ack["topics"]}


async def test_a_stream_comes_back_with_its_ticket(serve: Serve, database: Database) -> None:
    """As often as it likes, until the token behind it ends; several at a time are no matter."""
    authority = Authority(database, FixedClock(NOW))
    clock, user = authority.clock, await authority.user()
    assert isinstance(clock, FixedClock)
    ticket = await authority.ticket(user, expires=NOW + 900, kind=TicketKind.STREAM)
    async with serve(authority=authority) as served, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(partial(follow, served, ticket=ticket))
    async with serve(authority=authority) as served:
        for seconds in (31, 400, 400):
            clock.time += seconds
            await follow(served, ticket=ticket)
        clock.time = NOW + 900
        code = await refused(served.events_url, "board:a", ticket=ticket)
        assert code == (401, "token_expired")


async def test_a_ticket_that_opened_nothing_in_time_is_none(
    serve: Serve, database: Database
) -> None:
    """Nor does one that rests on a key last for ever."""
    authority = Authority(database, FixedClock(NOW))
    clock, user = authority.clock, await authority.user()
    assert isinstance(clock, FixedClock)
    late, used = [await authority.ticket(user, kind=TicketKind.STREAM) for _ in range(2)]
    async with serve(authority=authority) as served:
        await follow(served, ticket=used)
        clock.time += 31
        assert await refused(served.events_url, "board:a", ticket=late) == NOBODY
        clock.time = NOW + SECONDS[TicketKind.RETURN]
        await follow(served, ticket=used)
        clock.time += 1
        assert await refused(served.events_url, "board:a", ticket=used) == NOBODY


async def test_a_ticket_of_one_kind_is_not_good_for_the_other(
    serve: Serve, database: Database
) -> None:
    """And is not used up by the attempt."""
    authority = Authority(database)
    user = await authority.user()
    async with serve(authority=authority) as served:
        for _ in range(2):
            socket = await authority.ticket(user)
            stream = await authority.ticket(user, kind=TicketKind.STREAM)
            assert await refused(served.events_url, "board:a", ticket=socket) == NOBODY
            async with client(f"{served.url}?ticket={stream}") as guest:
                assert await guest.hear_refusal() == ("unauthenticated", 4401)
            await follow(served, ticket=stream)
            async with client(f"{served.url}?ticket={stream}") as guest:
                assert await guest.hear_refusal() == ("unauthenticated", 4401)
            async with client(f"{served.url}?ticket={socket}") as guest:
                assert (await guest.hear())["type"] == "hello"
            assert await refused(served.events_url, "board:a", ticket=socket) == NOBODY
            await follow(served, ticket=stream)


@pytest.mark.parametrize("kind", [Kind.LOGIN, Kind.USER])
async def test_a_ticket_ends_with_what_it_rests_on(
    serve: Serve, database: Database, kind: Kind
) -> None:
    """Whether it has been used or not."""
    authority = Authority(database)
    user, login = await authority.user(), uuid7()
    used, fresh = [await authority.ticket(user, login, kind=TicketKind.STREAM) for _ in range(2)]
    async with serve(authority=authority) as served:
        await follow(served, ticket=used)
        await authority.revoke(kind, user if kind is Kind.USER else login)
        for ticket in (used, fresh):
            code = await refused(served.events_url, "board:a", ticket=ticket)
            assert code == (401, "token_revoked")


@pytest.mark.parametrize("kind", [Kind.LOGIN, Kind.KEY, Kind.USER])
@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_what_is_revoked_ends_at_once(
    serve: Serve, database: Database, kind: Kind, is_elsewhere: bool
) -> None:
    """Here, or on another process and within two seconds; nothing more is heard, and the stream of
    somebody else goes on."""
    authority, other = Authority(database), Authority(database)
    user, login = await authority.user(), uuid7()
    key_id, key = await authority.key(user)
    token = key if kind is Kind.KEY else authority.token(user, login)
    subject = {Kind.LOGIN: login, Kind.KEY: key_id, Kind.USER: user}[kind]
    strange = bearer(authority.token())
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve(authority=authority))
        served.boards["a"].write("x", 1)
        source, stranger = [
            await stack.enter_async_context(
                event_source(served.events_url, "board:a", headers=headers)
            )
            for headers in (bearer(token), strange)
        ]
        for one in (source, stranger):
            await one.hear_type("snapshot")
        began = asyncio.get_running_loop().time()
        await (other if is_elsewhere else authority).revoke(kind, subject)
        if not is_elsewhere:
            served.boards["a"].write("x", 2)
        assert await source.hear_end() == []
        assert asyncio.get_running_loop().time() - began < 2.5
        code = await refused(served.events_url, "board:a", headers=bearer(token))
        assert code[0] == 401 or kind is Kind.USER
        served.boards["a"].write("x", 3, final=True)
        assert (await stranger.hear_rest())[-1]["value"] == 3


@pytest.mark.parametrize("way", ["token", "key", "ticket"])
async def test_credentials_that_end_end_the_stream(serve: Serve, place: Database, way: str) -> None:
    """After a warning, and then the next request is told why."""
    authority = Authority(place, FixedClock(NOW))
    clock, user = authority.clock, await authority.user()
    assert isinstance(clock, FixedClock)
    options: dict[str, Any] = {}
    if way == "ticket":
        kind = TicketKind.STREAM
        options["ticket"] = await authority.ticket(user, expires=NOW + 0.2, kind=kind)
    elif way == "key":
        options["headers"] = bearer((await authority.key(user, expires_at=NOW + 0.2))[1])
    else:
        options["headers"] = bearer(authority.token(user, age=899.8))
    async with serve(authority=authority) as served:
        async with event_source(served.events_url, "board:a", **options) as source:
            assert await source.hear_type("auth_expiring") == {"type": "auth_expiring", "in": 0}
            clock.time += 0.3
            ended = await source.hear_end()
            assert {frame["type"] for frame in ended} <= {"ack", "error"}
        code = "key_expired" if way == "key" else "token_expired"
        assert await refused(served.events_url, "board:a", **options) == (401, code)


@pytest.mark.parametrize("way", ["token", "login", "key", "ticket"])
async def test_what_is_revoked_on_the_way_does_not_get_in(
    serve: Serve, authority: Authority, way: str
) -> None:
    """It was found good, and nobody was listening yet when it was revoked."""
    user, login = await authority.user(), uuid7()
    key_id, key = await authority.key(user)
    token = key if way == "key" else authority.token(user, login)
    ticket = await authority.ticket(user, login, kind=TicketKind.STREAM)
    arrived, go = anyio.Event(), anyio.Event()
    layer = Middleware(Waiting, arrived=arrived, go=go)

    async def revoke() -> None:
        await arrived.wait()
        if way == "token":
            await authority.revoke(Kind.USER, user)
        else:
            kind, id = (Kind.KEY, key_id) if way == "key" else (Kind.LOGIN, login)
            await authority.revoke(kind, id)
        go.set()

    options: dict[str, Any] = {"ticket": ticket} if way == "ticket" else {"headers": bearer(token)}
    async with (
        serve(authority=authority, layers=[layer]) as served,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(revoke)
        status, code = await refused(served.events_url, "board:a", **options)
        assert (status, code in {"token_revoked", "unauthenticated"}) == (401, True)
        assert not served.hub.mailboxes


async def test_streams_count_with_sockets(serve: Serve, authority: Authority) -> None:
    """By whatever credentials; others are not hurt, and there is room when one leaves."""
    user = await authority.user()
    _, key = await authority.key(user)
    async with serve(Limits(connections_per_user=2), authority=authority) as served:
        served.boards["a"].write("x", 1)
        url, token = served.events_url, authority.token(user)
        async with (
            client(served.url, additional_headers=bearer(token)) as socket,
            event_source(url, "board:a", headers=bearer(key)) as source,
        ):
            await socket.hear_type("hello")
            await source.hear_type("snapshot")
            assert await refused(url, "board:a", headers=bearer(token)) == (403, "quota_sockets")
            async with client(served.url, additional_headers=bearer(token)) as third:
                assert await third.hear_refusal() == ("quota_sockets", 4429)
            await follow(served, headers=bearer(authority.token()))
        await until(lambda: not served.hub.mailboxes)
        await follow(served, headers=bearer(token))
