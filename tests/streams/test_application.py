"""The stream of the whole application: its settings, and its agreement with HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.market.places import MONDAY
from tests.streams.client import Chart, client
from tests.streams.conftest import Running, running
from tests.streams.event_source import event_source, refused
from tradeapi.app import create_app
from tradeapi.clock import FixedClock
from tradeapi.settings import Settings

pytestmark = pytest.mark.anyio

COIN = "CRYPTO:BTCUSD"
TOPICS = [f"bars:{COIN}:1m", f"bars:{COIN}:1h", f"quotes:{COIN}"]
# Where everybody has to say who he is; to hash a password must not take long.
CLOSED = {"auth_required": True, "argon2_memory_kib": 64, "argon2_time_cost": 1}


@asynccontextmanager
async def application(database_url: str, **settings: Any) -> AsyncIterator[Running]:
    chosen = Settings(database_url=database_url, demo=False, **settings)
    async with running(create_app(chosen, FixedClock(MONDAY)), chosen) as server:
        yield server


@asynccontextmanager
async def http(server: Running) -> AsyncIterator[httpx2.AsyncClient]:
    base = f"http://127.0.0.1:{server.port}/api/v1"
    async with httpx2.AsyncClient(base_url=base, trust_env=False) as caller:
        yield caller


async def test_ticks_by_http_arrive_on_the_socket(database_url: str) -> None:
    """And what the socket adds up to is what HTTP answers, field by field."""
    async with application(database_url) as server, http(server) as caller:
        assert (await caller.put(f"/symbols/{COIN}", json={"name": "Bitcoin"})).is_success
        async with client(server.url) as guest:
            await guest.subscribe(*TOPICS)
            for second, price in enumerate([100, 102, 99, 101]):
                tick = {
                    "symbol": COIN,
                    "price": price,
                    "size": 1,
                    "time": MONDAY - 70 + 20 * second,
                }
                assert (await caller.post("/ticks", json=tick)).is_success
            await guest.hear_until(lambda: guest.charts[TOPICS[2]].quote.get("volume") == 4)
            await guest.hear_rest()
            for resolution in ("1m", "1h"):
                asked = {"resolution": resolution}
                history = (await caller.get(f"/bars/{COIN}", params=asked)).json()
                columns = [history[name] for name in ("time", "open", "high", "low", "close")]
                rows = [list(row) for row in zip(*columns, history["volume"], strict=True)]
                chart = guest.charts[f"bars:{COIN}:{resolution}"]
                assert chart.rows == rows
                await guest.subscribe(f"bars:{COIN}:{resolution}")
                chart = guest.charts[f"bars:{COIN}:{resolution}"]
                assert (chart.final_until, chart.previous_time, chart.revision) == (
                    history["final_until"],
                    history["previous_time"],
                    history["revision"],
                )
            [quote] = (await caller.get("/quotes", params={"symbols": COIN})).json()["items"]
            assert guest.charts[TOPICS[2]].quote.items() <= quote.items()


async def test_ticks_by_http_arrive_as_events(database_url: str) -> None:
    """Through all layers, none of which packs or holds them back; who comes back has missed none,
    and what it adds up to is what HTTP answers."""
    async with application(database_url) as server, http(server) as caller:
        assert (await caller.put(f"/symbols/{COIN}", json={"name": "Bitcoin"})).is_success
        last_id = ""
        charts = {topic: Chart() for topic in TOPICS}
        for turn in range(3):
            packed = {"accept-encoding": "gzip, br, zstd", "last-event-id": last_id}
            async with event_source(server.events_url, *TOPICS, headers=packed) as source:
                assert "content-encoding" not in source.answer.headers
                assert "vary" not in source.answer.headers or (
                    "accept-encoding" not in source.answer.headers["vary"].lower()
                )
                source.charts = charts
                await source.hear_type("resumed" if last_id else "snapshot")
                await source.hear_rest()
                await _trade(caller, MONDAY - 70 + 20 * turn, 100 + turn)
                await source.hear_type("quote")
                await source.hear_rest()
                last_id = source.last_id
            # What is missed in between.
            await _trade(caller, MONDAY - 65 + 20 * turn, 90 - turn)
        async with event_source(server.events_url, *TOPICS, last_event_id=last_id) as source:
            source.charts = charts
            await source.hear_rest(0.5)
        for resolution in ("1m", "1h"):
            topic = f"bars:{COIN}:{resolution}"
            assert charts[topic].kinds.count("snapshot") == 1
            assert charts[topic].kinds.count("resumed") == 3
            asked = {"resolution": resolution, "format": "rows"}
            items = (await caller.get(f"/bars/{COIN}", params=asked)).json()["items"]
            assert charts[topic].rows == [[*item.values()] for item in items]
        [quote] = (await caller.get("/quotes", params={"symbols": COIN})).json()["items"]
        assert charts[TOPICS[2]].quote.items() <= quote.items()


async def _trade(caller: httpx2.AsyncClient, time: float, price: float) -> None:
    tick = {"symbol": COIN, "price": price, "size": 1, "time": time}
    assert (await caller.post("/ticks", json=tick)).json()["accepted"] == 1


async def test_a_page_follows_with_a_ticket(database_url: str) -> None:
    """Which its stream presents again when it comes back, until the login ends; a key's is good as
    long as the key."""
    async with application(database_url, **CLOSED) as server, http(server) as caller:
        await log_in(caller)
        assert (await caller.put(f"/symbols/{COIN}", json={})).status_code == 403
        for kind in ("stream", "ws", None):
            body = {"kind": kind} if kind else None
            answer = (await caller.post("/auth/ws-ticket", json=body)).json()
            assert answer["expires_in"] == 30
            if kind != "stream":
                url, ticket = server.events_url, answer["ticket"]
                assert await refused(url, *TOPICS, ticket=ticket) == (401, "unauthenticated")
        bad = await caller.post("/auth/ws-ticket", json={"kind": "reset"})
        assert bad.status_code == 422
        page = {"kind": "stream"}
        ticket = (await caller.post("/auth/ws-ticket", json=page)).json()["ticket"]
        made = (await caller.post("/auth/api-keys", json={"name": "robot"})).json()
        async with http(server) as robot:
            robot.headers["x-api-key"] = made["key"]
            other = (await robot.post("/auth/ws-ticket", json=page)).json()["ticket"]
        for _ in range(2):
            async with (
                event_source(server.events_url, *TOPICS, ticket=ticket) as source,
                event_source(server.events_url, *TOPICS, ticket=other) as by_key,
            ):
                for one in (source, by_key):
                    rejected = (await one.hear())["rejected"]
                    assert [one["code"] for one in rejected] == ["unknown_symbol"] * 3
        # Nowhere else is it good.
        async with http(server) as nobody:
            for path in ("/auth/me", "/quotes", f"/bars/{COIN}"):
                assert (await nobody.get(path, params={"ticket": ticket})).status_code == 401
        async with event_source(server.events_url, *TOPICS, ticket=other) as by_key:
            await by_key.hear()
            assert (await caller.delete(f"/auth/api-keys/{made['id']}")).is_success
            assert await by_key.hear_end() == []
            url = server.events_url
            assert await refused(url, *TOPICS, ticket=other) == (401, "token_revoked")
        async with event_source(server.events_url, *TOPICS, ticket=ticket) as source:
            await source.hear()
            assert (await caller.post("/auth/logout")).is_success
            assert await source.hear_end() == []
            url = server.events_url
            assert await refused(url, *TOPICS, ticket=ticket) == (401, "token_revoked")


async def test_to_begin_a_stream_counts_as_one_request(sqlite_url: str) -> None:
    """However long it lasts, and whatever comes on it."""
    async with application(sqlite_url, rate_limit_per_minute=3) as server:
        left = []
        for _ in range(3):
            async with event_source(server.events_url, "quotes:SIM:NOPE") as source:
                await source.hear()
                left.append(source.answer.headers["ratelimit"].split(";")[1])
        assert left == ["r=2", "r=1", "r=0"]
        answer = await refused(server.events_url, "quotes:SIM:NOPE")
        assert answer == (429, "too_many_requests")


async def log_in(caller: httpx2.AsyncClient) -> tuple[str, str]:
    """As somebody new; the user's id and an access token."""
    person = {"email": "ada@example.com", "password": "correct horse battery"}
    form = {"username": person["email"], "password": person["password"]}
    user = (await caller.post("/auth/register", json=person)).json()["id"]
    token = (await caller.post("/auth/token", data=form)).json()["access_token"]
    caller.headers["authorization"] = f"Bearer {token}"
    return user, token


async def test_a_person_comes_in_and_is_put_out(database_url: str) -> None:
    """By a ticket, with a token and afterwards; the end of the login is that of its sockets."""
    async with application(database_url, **CLOSED) as server, http(server) as caller:
        user, token = await log_in(caller)
        ticket = (await caller.post("/auth/ws-ticket")).json()["ticket"]
        async with (
            client(f"{server.url}?ticket={ticket}") as first,
            client(server.url, subprotocols=["tradeapi.v1", f"bearer.{token}"]) as second,
            client(server.url) as third,
        ):
            hellos = [await guest.hear() for guest in (first, second, third)]
            assert [hello["auth"] for hello in hellos] == ["done", "done", "required"]
            await third.say(op="subscribe", topics=TOPICS)
            assert (await third.hear())["code"] == "unauthenticated"
            await third.say(op="auth", id=1, token=token)
            assert (await third.hear())["user"] == user
            await third.say(op="subscribe", topics=TOPICS)
            rejected = (await third.hear())["rejected"]
            assert [one["code"] for one in rejected] == ["unknown_symbol"] * 3
            assert (await caller.post("/auth/logout")).is_success
            assert [await guest.close_code() for guest in (first, second, third)] == [4401] * 3


async def test_who_may_not_read_follows_nothing(sqlite_url: str) -> None:
    """Nor learns what there is."""
    async with application(sqlite_url, **CLOSED) as server, http(server) as caller:
        await log_in(caller)
        wanted = {"name": "robot", "scopes": ["write"]}
        key = (await caller.post("/auth/api-keys", json=wanted)).json()["key"]
        async with client(server.url, additional_headers={"x-api-key": key}) as guest:
            assert (await guest.hear())["auth"] == "done"
            await guest.say(op="subscribe", topics=TOPICS)
            ack = await guest.hear()
            assert [one["code"] for one in ack["rejected"]] == ["insufficient_scope"] * 3


async def test_the_settings_of_the_stream(sqlite_url: str) -> None:
    """Each is told in hello where clients have to know it, and holds."""
    async with (
        application(
            sqlite_url,
            websocket_connections=1,
            websocket_topics=2,
            websocket_frame_bytes=1000,
            websocket_messages_per_second=1,
            websocket_message_burst=3,
        ) as server,
        client(server.url) as guest,
    ):
        limits = (await guest.hear())["limits"]
        assert limits["topics"] == 2
        assert limits["frame_bytes"] == 1000
        assert (limits["messages_per_second"], limits["burst"]) == (1, 3)
        async with client(server.url) as second:
            assert await second.close_code() == 1013
        await guest.say(op="subscribe", topics=TOPICS)
        assert (await guest.hear())["code"] == "too_many_topics"
        for _ in range(3):
            await guest.say(op="ping")
        answers = [await guest.hear() for _ in range(3)]
        assert [answer["type"] for answer in answers] == ["pong", "pong", "error"]
        await guest.connection.send(json.dumps({"op": "x" * 1000}))
        assert await guest.close_code() == 1009


async def test_a_socket_is_pinged_and_has_to_answer(sqlite_url: str) -> None:
    """At the interval and within the time of the settings."""
    async with application(
        sqlite_url, websocket_ping_interval_seconds=0.2, websocket_timeout_seconds=0.2
    ) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(5):
            said = await reader.read(-1)
        assert b"\x89\x04" in said, "a ping"
        assert b"\x88" in said, "a close"
        writer.close()
