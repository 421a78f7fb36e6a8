"""The endpoint on a real server: what a client sees, and what it can't do to the others."""

import json
import time

import anyio
import anyio.lowlevel
import psutil
import pytest

from tests.streams.client import client
from tests.streams.conftest import Serve, Served, running
from tests.streams.deaf import deaf
from tests.streams.waiting import until
from tradeapi.app import create_app
from tradeapi.settings import Settings
from tradeapi.streams.limits import Limits
from tradeapi.streams.positions import position

pytestmark = pytest.mark.anyio


async def test_hello_comes_first_and_names_the_limits(served: Served) -> None:
    """The subprotocol is echoed when it is offered."""
    async with client(served.url, subprotocols=["other", "tradeapi.v1"]) as guest:
        hello = dict(await guest.hear())
        assert guest.connection.subprotocol == "tradeapi.v1"
    assert abs(float(str(hello.pop("time"))) - time.time()) < 5
    assert len(str(hello.pop("connection"))) == 32
    assert hello == {
        "type": "hello",
        "version": 1,
        "heartbeat": 15,
        "limits": {
            "topics": 500,
            "frame_bytes": 65536,
            "messages_per_second": 20,
            "burst": 60,
            "history": 5000,
            "throttle_ms": 60000,
        },
        "auth": "optional",
    }
    async with client(served.url) as guest:
        assert guest.connection.subprotocol is None


async def test_subscribe_is_acked_before_its_snapshots(served: Served) -> None:
    """Topics that can't be had are named with a code, the others follow with their state."""
    served.boards["a"].write("x", 1)
    async with client(served.url) as guest:
        await guest.hear()
        topics = ["board:a", "board:none", "nothing", "board:a"]
        await guest.say_anything(op="subscribe", id="s", topics=topics)
        ack = await guest.hear()
        snapshot = await guest.hear()
        served.boards["a"].write("x", 2)
        update = await guest.hear()
    assert (ack["type"], ack["id"], ack["topics"]) == ("ack", "s", ["board:a"])
    assert ack["rejected"] == [
        {"topic": "board:none", "code": "unknown_symbol", "detail": "There is no board none."},
        {
            "topic": "nothing",
            "code": "unknown_topic",
            "detail": "There is no topic 'nothing'; topics begin with board:.",
        },
    ]
    assert (snapshot["type"], snapshot["topic"], snapshot["values"]) == (
        "snapshot",
        "board:a",
        {"x": 1},
    )
    assert (update["type"], update["topic"], update["value"]) == ("value", "board:a", 2)
    assert (update["seq"], update["prev"]) == (position(2), snapshot["seq"])


async def test_after_unsubscribe_nothing_of_the_topic_is_heard(served: Served) -> None:
    """A topic that is not held is named."""
    board = served.boards["a"]
    async with client(served.url) as guest:
        await guest.say(op="subscribe", id=1, topics=["board:a"])
        await guest.hear_type("snapshot")
        board.write("x", 1)
        await guest.say(op="unsubscribe", id=2, topics=["board:a", "board:b"])
        ack = await guest.hear_type("ack")
        board.write("x", 2)
        await guest.say(op="ping", id=3)
        assert await guest.hear() == {"type": "pong", "id": 3}
    assert ack["topics"] == ["board:a"]
    assert ack["rejected"] == [
        {
            "topic": "board:b",
            "code": "not_found",
            "detail": "You are not subscribed to board:b.",
        }
    ]


async def test_subscribing_again_changes_the_throttle_and_gives_a_snapshot(served: Served) -> None:
    """With its own history."""
    async with client(served.url) as guest:
        served.boards["a"].write("x", 1)
        await guest.say(op="subscribe", topics=["board:a"], history=1)
        first = await guest.hear_type("snapshot")
        await guest.say(op="subscribe", id=2, topics=["board:a"], history=2, throttle_ms=60_000)
        ack = await guest.hear_type("ack")
        second = await guest.hear_type("snapshot")
        served.boards["a"].write("x", 2)
        await guest.say(op="ping")
        assert (await guest.hear())["type"] == "pong"
    assert (first["history"], second["history"], ack["topics"]) == (1, 2, ["board:a"])


async def test_a_client_resumes_on_another_socket(served: Served) -> None:
    """From its epoch and seq, without a snapshot."""
    board = served.boards["a"]
    async with client(served.url) as guest:
        await guest.say(op="subscribe", topics=["board:a"])
        snapshot = await guest.hear_type("snapshot")
    board.write("x", 1)
    async with client(served.url) as guest:
        stopped = {"epoch": snapshot["epoch"], "seq": snapshot["seq"]}
        await guest.say(op="subscribe", topics=["board:a"], resume={"board:a": stopped})
        await guest.hear_type("ack")
        resumed = await guest.hear()
        update = await guest.hear()
    assert resumed == {
        "type": "resumed",
        "topic": "board:a",
        "epoch": snapshot["epoch"],
        "from": snapshot["seq"] + 1,
        "to": update["seq"],
    }
    assert update["value"] == 1


async def test_heartbeats(serve: Serve) -> None:
    """Also to a client that follows nothing."""
    async with serve(Limits(heartbeat_seconds=0.05)) as served, client(served.url) as guest:
        await guest.hear_type("heartbeat")
        beat = await guest.hear()
        assert abs(float(str(beat["time"])) - time.time()) < 5


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x00\x01", "bad_frame"),
        ("[]", "bad_frame"),
        ("\x00", "bad_frame"),
        ('{"op":"dance"}', "unknown_op"),
        ('{"op":"auth","token":"x"}', "unauthenticated"),
        ('{"op":"auth"}', "invalid_field"),
        ('{"op":"subscribe"}', "invalid_field"),
        (json.dumps({"op": "subscribe", "topics": ["t"] * 10_000}), "too_many_topics"),
        (json.dumps({"op": "subscribe", "topics": [str(n) for n in range(501)]}), None),
    ],
)
async def test_a_bad_frame_is_an_error_and_the_socket_lives(
    served: Served, frame: str | bytes, code: str | None
) -> None:
    """The client is told what was wrong and goes on."""
    async with client(served.url) as guest:
        await guest.hear()
        await guest.connection.send(frame)
        answer = await guest.hear()
        assert answer["type"] == "error"
        assert answer["code"] == code or code is None
        await guest.say(op="ping", id=1)
        assert await guest.hear() == {"type": "pong", "id": 1}


async def test_topics_add_up_over_requests(serve: Serve) -> None:
    """The limit is the socket's, and a refused request changes nothing."""
    async with serve(Limits(topics=3)) as served, client(served.url) as guest:
        for name in "abcd":
            served.boards[name].write("x", 1)
        await guest.say(op="subscribe", id=1, topics=["board:a", "board:b"])
        await guest.hear_type("ack")
        await guest.say(op="subscribe", id=2, topics=["board:c", "board:d"])
        refused = await guest.hear_type("error")
        assert (refused["code"], refused["id"]) == ("too_many_topics", 2)
        await guest.say(op="subscribe", id=3, topics=["board:a", "board:d"])
        assert (await guest.hear_type("ack"))["topics"] == ["board:a", "board:d"]
        assert served.hub.topics.keys() == {"board:a", "board:b", "board:d"}


@pytest.mark.parametrize("through", ["server", "session"])
async def test_a_frame_that_is_too_big_closes_the_socket(serve: Serve, through: str) -> None:
    """The server refuses it unread; where it has no limit of its own we do."""
    options = {"ws_max_size": 2**24} if through == "session" else {}
    async with serve(**options) as served, client(served.url) as guest:
        await guest.connection.send(json.dumps({"op": "x" * 1_000_000}))
        assert await guest.close_code() == 1009


async def test_twenty_faults_in_a_row_close_the_socket(served: Served) -> None:
    """The last one is still answered."""
    async with client(served.url) as guest:
        await guest.hear()
        for _ in range(20):
            await guest.connection.send("[]")
        codes = [(await guest.hear())["code"] for _ in range(20)]
        assert codes == ["bad_frame"] * 20
        assert await guest.close_code() == 1008


async def test_a_flood_is_refused_and_then_closed(served: Served) -> None:
    """A burst is allowed."""
    async with client(served.url) as guest:
        await guest.hear()
        for _ in range(60):
            await guest.say(op="ping")
        pongs = [(await guest.hear())["type"] for _ in range(60)]
        assert pongs == ["pong"] * 60
        for _ in range(100):
            await guest.say(op="ping")
        assert (await guest.hear_type("error"))["code"] == "too_many_messages"
        assert await guest.close_code() == 1008


async def test_more_sockets_than_the_limit_are_turned_away(serve: Serve) -> None:
    """They are told to come back later."""
    async with serve(Limits(connections=1)) as served, client(served.url) as first:
        await first.hear()
        async with client(served.url) as second:
            assert (await second.hear())["reason"] == "limit"
            assert await second.close_code() == 1013


async def test_a_client_that_never_reads_is_dropped_and_hurts_nobody(serve: Serve) -> None:
    """Its memory is bounded while it lasts, the others hear everything at once."""
    limits = Limits(send_seconds=1, pending=500)
    long = "x" * 1000
    async with serve(limits) as served, deaf(served, "a"), client(served.url) as guest:
        board = served.boards["a"]
        await guest.say(op="subscribe", topics=["board:a"])
        await guest.hear_type("snapshot")
        memory = psutil.Process().memory_info().rss
        delays = []
        for number in range(3000):
            began = time.monotonic()
            board.write(long, number, final=True)
            assert (await guest.hear())["value"] == number
            delays.append(time.monotonic() - began)
        await until(lambda: len(served.hub.mailboxes) == 1)
        assert max(delays) < 0.5
        assert psutil.Process().memory_info().rss - memory < 30_000_000
        await until(lambda: _open_sockets(served) == 1)


async def test_a_stop_says_goodbye(serve: Serve) -> None:
    """Then the socket is closed as a restart, and the server ends at once."""
    async with serve() as served, client(served.url) as guest:
        await guest.hear()
        began = time.monotonic()
        served.server.stop()
        bye = await guest.hear()
        assert await guest.close_code() == 1012
        await served.server.is_stopped.wait()
    assert time.monotonic() - began < 2
    assert (bye["type"], bye["reason"]) == ("bye", "restart")
    wait = bye["reconnect_in_ms"]
    assert isinstance(wait, int)
    assert 500 <= wait <= 5000


async def test_a_stop_waits_for_no_client_that_does_not_read(serve: Serve) -> None:
    """Neither for one that is stuck nor for one that ignores the close."""
    async with serve() as served, deaf(served, "a"):
        for number in range(5000):
            served.boards["a"].write("x" * 1000, number, final=True)
            await anyio.lowlevel.checkpoint()
        began = time.monotonic()
        served.server.stop()
        await served.server.is_stopped.wait()
        assert time.monotonic() - began < 2


async def test_with_time_to_drain_the_goodbyes_are_spread(serve: Serve) -> None:
    """Until its own goodbye a client goes on hearing the market."""
    async with serve(Limits(drain_seconds=2)) as served:
        board = served.boards["a"]
        times = []

        async def follow() -> None:
            async with client(served.url) as guest:
                await guest.say(op="subscribe", topics=["board:a"])
                await guest.hear_type("bye")
                times.append(time.monotonic())

        board.write("x", 0)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(follow)
            await until(lambda: _listeners(served) == 20)
            began = time.monotonic()
            served.server.stop()
            while not served.server.is_stopped.is_set():
                board.write("x", 1)
                await anyio.sleep(0.01)
    assert max(times) - min(times) > 0.5
    assert max(times) - began < 2.5


async def test_under_another_protocol_class_streams_work(serve: Serve) -> None:
    """Without what ours adds: no goodbye, but the same frames and the close of the server."""
    async with serve(ws="websockets-sansio") as served, client(served.url) as guest:
        served.boards["a"].write("x", 1)
        await guest.say(op="subscribe", topics=["board:a"])
        assert (await guest.hear_type("snapshot"))["values"] == {"x": 1}
        served.server.stop()
        assert await guest.close_code() == 1012


def _listeners(served: Served) -> int:
    return sum(len(topic.listeners) for topic in served.hub.topics.values())


def _open_sockets(served: Served) -> int:
    connections = psutil.Process().net_connections("tcp")
    ours = [one for one in connections if getattr(one.laddr, "port", None) == served.server.port]
    return sum(one.status != psutil.CONN_LISTEN for one in ours)


async def test_frames_are_compressed_where_both_sides_want_it(
    sqlite_url: str,
) -> None:
    """And only there: neither costs who does not ask for it."""
    for wanted, offered in ((True, True), (True, False), (False, True)):
        settings = Settings(database_url=sqlite_url, demo=False, websocket_compression=wanted)
        async with (
            running(create_app(settings), settings) as server,
            client(server.url, compression="deflate" if offered else None) as guest,
        ):
            await guest.hear_type("hello")
            await guest.say(op="subscribe", topics=["status"])
            assert (await guest.hear_type("snapshot"))["status"]["state"] == "live"
            assert bool(guest.connection.protocol.extensions) == (wanted and offered)
