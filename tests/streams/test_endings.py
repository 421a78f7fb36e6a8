"""When a socket's time is over: credentials expire, or are revoked, at whatever moment."""

import asyncio
import random

import anyio
import pytest
from starlette.middleware import Middleware
from uuid_utils.compat import uuid7
from websockets.exceptions import ConnectionClosed

from tests.streams.authority import Authority, bearer
from tests.streams.cable import Cable
from tests.streams.client import client
from tests.streams.conftest import Serve, Served
from tests.streams.deaf import deaf
from tests.streams.following import follow
from tests.streams.waiting import Waiting
from tradeapi.auth.authenticator import KEY_SECONDS
from tradeapi.auth.revocations import Kind
from tradeapi.clock import FixedClock
from tradeapi.database import Database

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0


async def test_credentials_end_and_are_renewed(serve: Serve, place: Database) -> None:
    """A warning comes first; who does not heed it is closed."""
    authority = Authority(place, FixedClock(NOW))
    clock, user = authority.clock, await authority.user()
    assert isinstance(clock, FixedClock)
    token = authority.token(user, age=840.1)
    async with serve(authority=authority) as served, client(served.url, **bearer(token)) as guest:
        await follow(guest, served)
        assert await guest.hear_rest(0.2) == []
        ticket = await authority.ticket(user, expires=NOW + 60)
        async with client(f"{served.url}?ticket={ticket}") as other:
            assert (await other.hear())["type"] == "hello"
            assert await other.hear() == {"type": "auth_expiring", "in": 60}
            assert await other.hear_rest(0.1) == []
        await guest.say(op="auth", token=authority.token(user, age=899.8))
        assert (await guest.hear())["expires"] == int(NOW)
        clock.time += 0.15
        assert await guest.hear() == {"type": "auth_expiring", "in": 0}
        await guest.say(op="auth", token=authority.token(user))
        assert (await guest.hear())["type"] == "auth"
        clock.time += 60
        served.boards["a"].write("x", 2)
        assert (await guest.hear())["value"] == 2
        await guest.say(op="auth", token=authority.token(user, age=899.9))
        await guest.hear_type("auth")
        clock.time += 0.1
        frames, code, reason = await guest.hear_close()
        assert (code, reason) == (4401, "expired")
        assert {frame["type"] for frame in frames} <= {"auth_expiring"}


async def test_a_key_ends_as_well(serve: Serve, place: Database) -> None:
    """At its own time."""
    authority = Authority(place, FixedClock(NOW))
    assert isinstance(authority.clock, FixedClock)
    _, key = await authority.key(await authority.user(), expires_at=NOW + 0.1)
    async with serve(authority=authority) as served, client(served.url, **bearer(key)) as guest:
        assert [frame["type"] for frame in await guest.hear_rest()] == ["hello", "auth_expiring"]
        authority.clock.time += 0.1
        assert (await guest.hear_close())[1:] == (4401, "expired")
        async with client(served.url, **bearer(key)) as late:
            assert await late.hear_refusal() == ("key_expired", 4401)


@pytest.mark.parametrize("kind", [Kind.LOGIN, Kind.KEY, Kind.USER])
@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_what_is_revoked_ends_at_once(
    serve: Serve, database: Database, kind: Kind, is_elsewhere: bool
) -> None:
    """Here, or on another process and within two seconds; nothing more is heard, and the socket of
    somebody else goes on."""
    authority, other = Authority(database), Authority(database)
    user, login = await authority.user(), uuid7()
    key_id, key = await authority.key(user)
    token = key if kind is Kind.KEY else authority.token(user, login)
    subject = {Kind.LOGIN: login, Kind.KEY: key_id, Kind.USER: user}[kind]
    async with (
        serve(authority=authority) as served,
        client(served.url, **bearer(token)) as guest,
        client(served.url, **bearer(authority.token())) as stranger,
    ):
        await follow(guest, served)
        await follow(stranger, served)
        began = asyncio.get_running_loop().time()
        await (other if is_elsewhere else authority).revoke(kind, subject)
        if not is_elsewhere:
            served.boards["a"].write("x", 2)
        frames, code, reason = await guest.hear_close()
        assert (frames, code, reason) == ([], 4401, "revoked")
        assert asyncio.get_running_loop().time() - began < 2.5
        served.boards["a"].write("x", 3, final=True)
        assert [frame["value"] for frame in await stranger.hear_rest()][-1] == 3
        if kind is not Kind.USER:
            async with client(served.url, **bearer(token)) as again:
                assert (await again.hear_refusal())[1] == 4401


async def test_who_does_not_read_is_sent_nothing_more_either(
    serve: Serve, authority: Authority
) -> None:
    """What waits for him at that time is dropped with the socket within two seconds."""
    login = uuid7()
    token = authority.token(login=login)
    async with serve(authority=authority) as served, deaf(served, "a", token) as guest:
        board = served.boards["a"]
        for number in range(3000):
            board.write(f"x{'x' * 1000}{number % 50}", number)
            await anyio.lowlevel.checkpoint()
        await authority.revoke(Kind.LOGIN, login)
        began = asyncio.get_running_loop().time()
        while served.hub.mailboxes:
            board.write("late", 987654321)
            await anyio.sleep(0.02)
        assert asyncio.get_running_loop().time() - began < 2
        heard = b""
        loop = asyncio.get_running_loop()
        try:
            while part := await loop.sock_recv(guest, 65536):
                heard += part
        except ConnectionResetError:
            pass
        assert b"snapshot" in heard
        assert b"987654321" not in heard


@pytest.mark.parametrize("way", ["token", "login", "key", "ticket"])
async def test_what_is_revoked_during_the_handshake_does_not_get_in(
    serve: Serve, authority: Authority, way: str
) -> None:
    """It was found good, and nobody was listening yet when it was revoked."""
    user, login = await authority.user(), uuid7()
    key_id, key = await authority.key(user)
    token = key if way == "key" else authority.token(user, login)
    ticket = await authority.ticket(user, login)
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

    async with serve(authority=authority, layers=[layer]) as served:
        url = f"{served.url}?ticket={ticket}" if way == "ticket" else served.url
        options = {} if way == "ticket" else bearer(token)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(revoke)
            async with client(url, **options) as guest:
                code, close = await guest.hear_refusal()
        assert (code in {"token_revoked", "unauthenticated"}, close) == (True, 4401)


@pytest.mark.parametrize("way", ["token", "key"])
async def test_auth_and_its_revocation_may_meet(
    authority: Authority, guarded: Served, way: str
) -> None:
    """Whichever is first, the socket follows nothing in the end."""
    user = await authority.user()
    for _ in range(30):
        login = uuid7()
        key_id, key = await authority.key(user)
        token = key if way == "key" else authority.token(user, login)
        kind, subject = (Kind.KEY, key_id) if way == "key" else (Kind.LOGIN, login)
        async with client(guarded.url) as guest, anyio.create_task_group() as tasks:
            await guest.hear()
            await guest.say(op="auth", token=token)
            await anyio.sleep(random.choice([0, 0, 0.001, 0.003]))
            tasks.start_soon(authority.revoke, kind, subject)
            try:
                answer = await guest.hear()
            except ConnectionClosed:
                continue
            if answer["type"] == "auth":
                assert (await guest.hear_close())[1:] == (4401, "revoked")
            else:
                assert answer["code"] in {"token_revoked", "unauthenticated"}
                await guest.say(op="subscribe", topics=["board:a"])
                assert (await guest.hear())["code"] == "unauthenticated"


async def test_who_comes_as_the_database_goes_may_come_again(
    serve: Serve, postgres_url: str
) -> None:
    """A key was good a moment ago, and has to be looked up once more."""
    cable = Cable(postgres_url)
    await cable.mend()
    arrived, go = anyio.Event(), anyio.Event()
    layer = Middleware(Waiting, arrived=arrived, go=go)
    async with Database(cable.url) as database:
        clock = FixedClock(NOW)
        authority = Authority(database, clock)
        _, key = await authority.key(await authority.user())
        async with (
            serve(authority=authority, layers=[layer]) as served,
            anyio.create_task_group() as tasks,
        ):

            async def cut() -> None:
                await arrived.wait()
                await cable.cut()
                clock.time += KEY_SECONDS + 1
                go.set()

            tasks.start_soon(cut)
            async with client(served.url, **bearer(key)) as guest:
                assert await guest.hear_refusal() == ("database_unavailable", 1013)
