"""Server-sent events on a real server: what a socket would hear, as one answer."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from starlette.middleware import Middleware

from tests.streams.client import client
from tests.streams.conftest import Serve, Served
from tests.streams.documented import Frame
from tests.streams.event_source import asking, event_source, refused
from tests.streams.waiting import Waiting, until
from tradeapi.streams import sse
from tradeapi.streams.limits import Limits
from tradeapi.streams.requests import MOST_HISTORY, MOST_THROTTLE

pytestmark = pytest.mark.anyio

TOPICS = "board:a,board:b"


async def test_an_answer_says_what_a_socket_would(served: Served) -> None:
    """In the same order: the ack, with what can't be had, then each topic from its snapshot on."""
    asked = ["board:a", "board:none", "nothing"]
    served.boards["a"].write("x", 1)
    heard: dict[str, list[Frame]] = {}
    async with (
        client(served.url) as guest,
        event_source(served.events_url, ",".join(asked), history=7) as source,
    ):
        await guest.hear_type("hello")
        await guest.say_anything(op="subscribe", topics=asked, history=7)
        heard["socket"] = [await guest.hear(), await guest.hear()]
        heard["events"] = [await source.hear(), await source.hear()]
        served.boards["a"].write("x", 2)
        served.boards["a"].write("y", 3, final=True)
        heard["socket"] += await guest.hear_rest()
        heard["events"] += await source.hear_rest()
        assert 1000 <= source.retry <= 5000
    assert heard["events"] == heard["socket"]
    assert [frame["type"] for frame in heard["events"]] == ["ack", "snapshot", "value", "value"]
    assert heard["events"][0]["topics"] == ["board:a"]


async def test_topics_may_be_given_one_by_one(served: Served) -> None:
    """Or both; one that is named twice is one."""
    for name in "abc":
        served.boards[name].write("x", 1)
    async with event_source(served.events_url, "board:a,board:b", "board:b", "board:c,,") as source:
        assert (await source.hear())["topics"] == ["board:a", "board:b", "board:c"]


async def test_the_head_of_the_answer(served: Served) -> None:
    """Nobody on the way is to keep it, pack it or hold it back."""
    served.boards["a"].write("x", 1)
    headers = {"accept-encoding": "gzip, br, zstd"}
    async with event_source(served.events_url, "board:a", headers=headers) as source:
        found = source.answer.headers
        assert found["content-type"] == "text/event-stream; charset=utf-8"
        assert found["cache-control"] == "no-store"
        assert found["x-accel-buffering"] == "no"
        assert found["x-content-type-options"] == "nosniff"
        assert not {"content-encoding", "content-length", "etag"} & found.keys()
        await source.hear_type("snapshot")


@pytest.mark.parametrize(
    ("topics", "query", "code"),
    [
        ("", {}, "invalid_field"),
        (",,", {}, "invalid_field"),
        ("x" * 201, {}, "invalid_field"),
        (",".join(f"board:{n}" for n in range(sse.MOST_TOPICS + 1)), {}, "too_many_topics"),
        ("board:a", {"history": -1}, "invalid_field"),
        ("board:a", {"history": MOST_HISTORY + 1}, "invalid_field"),
        ("board:a", {"history": "x"}, "invalid_field"),
        ("board:a", {"throttle_ms": MOST_THROTTLE + 1}, "invalid_field"),
    ],
)
async def test_what_can_not_be_asked_for_is_refused(
    served: Served, topics: str, query: dict[str, Any], code: str
) -> None:
    """Before anything begins."""
    assert await refused(served.events_url, topics, **query) == (422, code)
    assert not served.hub.mailboxes


async def test_a_hundred_topics_are_not_too_many(serve: Serve) -> None:
    """Unless a socket may have less."""
    names = [f"board:{n:03}" for n in range(sse.MOST_TOPICS)]
    async with serve() as served:
        for name in names:
            served.boards[name.partition(":")[2]].write("x", 1)
        async with event_source(served.events_url, ",".join(names)) as source:
            assert (await source.hear())["topics"] == names
            for _ in names:
                await source.hear_type("snapshot")
            assert len(source.last_id) < 2000
            last_id = source.last_id
        async with event_source(served.events_url, ",".join(names), last_id=last_id) as source:
            heard = [await source.hear() for _ in range(1 + len(names))]
            assert {frame["type"] for frame in heard[1:]} == {"resumed"}
    async with serve(Limits(topics=2)) as served:
        assert await refused(served.events_url, "a,b,c") == (422, "too_many_topics")


async def test_a_throttle(served: Served) -> None:
    """As on a socket."""
    served.boards["a"].write("x", 1)
    async with event_source(served.events_url, "board:a", throttle_ms=60_000) as source:
        await source.hear_type("snapshot")
        for number in range(5):
            served.boards["a"].write("x", number)
        assert await source.hear_rest(0.3) == []


@asynccontextmanager
async def resumed(served: Served, way: str, last_id: str) -> AsyncIterator[Sequence[Frame]]:
    """What who comes back to both boards hears first; the ack is left out."""
    options: dict[str, Any] = (
        {"last_id": last_id} if way == "header" else {"last_event_id": last_id}
    )
    async with event_source(served.events_url, TOPICS, **options) as source:
        await source.hear_type("ack")
        yield await source.hear_rest()


@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_client_resumes_as_on_a_socket(served: Served, way: str) -> None:
    """Each topic where it was, by the id of the last event, and without a snapshot."""
    a, b = served.boards["a"], served.boards["b"]
    async with event_source(served.events_url, TOPICS) as source:
        snapshots = [await source.hear_type("snapshot") for _ in TOPICS.split(",")]
        for number in range(3):
            a.write("x", number)
            b.write(f"y{number}", number)
        read = [await source.hear() for _ in range(4)]
        last_id = source.last_id
    b.write("z", 9, final=True)
    positions = {frame["topic"]: frame["seq"] for frame in [*snapshots, *read]}
    resume = {
        frame["topic"]: {"epoch": frame["epoch"], "seq": positions[frame["topic"]]}
        for frame in snapshots
    }
    async with client(served.url) as guest:
        await guest.say(op="subscribe", topics=TOPICS.split(","), resume=resume)
        await guest.hear_type("ack")
        expected = await guest.hear_rest()
    async with resumed(served, way, last_id) as heard:
        assert heard == expected
        assert [frame["type"] for frame in heard].count("resumed") == 2
        assert "snapshot" not in {frame["type"] for frame in heard}


async def test_who_is_cut_off_in_the_middle_of_resuming_resumes_again(served: Served) -> None:
    """Also the topics of which nothing has come yet."""
    a, b = served.boards["a"], served.boards["b"]
    async with event_source(served.events_url, TOPICS) as source:
        for _ in range(2):
            await source.hear_type("snapshot")
        last_id = source.last_id
    a.write("x", 1)
    b.write("x", 2)
    async with event_source(served.events_url, TOPICS, last_id=last_id) as source:
        await source.hear_type("resumed")
        first = await source.hear_type("value")
        last_id = source.last_id
    async with event_source(served.events_url, TOPICS, last_id=last_id) as source:
        heard = await source.hear_rest()
    other = "board:b" if first["topic"] == "board:a" else "board:a"
    assert [frame["type"] for frame in heard] == ["ack", "resumed", "resumed", "value"] or [
        frame["type"] for frame in heard
    ] == ["ack", "resumed", "value", "resumed"]
    assert [frame["topic"] for frame in heard if frame["type"] == "value"] == [other]


async def test_the_order_of_the_topics_does_not_matter(served: Served) -> None:
    """But others have no positions here."""
    served.boards["a"].write("x", 1)
    served.boards["b"].write("x", 1)
    async with event_source(served.events_url, "board:a,board:b") as source:
        for _ in range(2):
            await source.hear_type("snapshot")
        last_id = source.last_id
    for topics, type in {"board:b,board:a": "resumed", "board:a,board:c": "snapshot"}.items():
        async with event_source(served.events_url, topics, last_id=last_id) as source:
            heard = [frame["type"] for frame in await source.hear_rest()]
            assert set(heard) == {"ack", type}


async def test_a_header_is_newer_than_the_address(served: Served) -> None:
    """Browsers keep the address and send the header once they have read something."""
    served.boards["a"].write("x", 1)
    async with event_source(served.events_url, "board:a") as source:
        await source.hear_type("snapshot")
        last_id = source.last_id
    for header, query, type in ((last_id, "x", "resumed"), ("x", last_id, "snapshot")):
        options = {"last_id": header, "last_event_id": query}
        async with event_source(served.events_url, "board:a", **options) as source:
            await source.hear_type("ack")
            assert (await source.hear())["type"] == type


async def test_an_id_that_is_none_of_ours_is_as_none(served: Served) -> None:
    """Never an error, and never a position that was not given."""
    served.boards["a"].write("x", 1)
    async with event_source(served.events_url, "board:a") as source:
        snapshot = await source.hear_type("snapshot")
        good = source.last_id
    mark, position = good.split("~")
    epoch = snapshot["epoch"]
    strange = [
        "", "x", "~", "~~~", "\x7f", mark, f"{mark}~", f"{mark}~~", f"{mark}~{epoch}",
        f"{mark}~{epoch}.", f"{mark}~{epoch}.-1", f"{mark}~{epoch}.1e3", f"{mark}~.1",
        f"{mark}~{epoch}.{'9' * 5000}", f"{mark}~{epoch}.{2**59}", f"{mark}~other.1",
        f"{mark}~{position}~{position}", f"00000000~{position}", position, "9" * 60_000,
        f"{mark}~{position}" + "\t", "%00", quote(good + "\n"),
    ]  # fmt: skip
    for text in strange:
        async with event_source(served.events_url, "board:a", last_event_id=text) as source:
            await source.hear_type("ack")
            kinds = [(await source.hear())["type"]]
            if kinds == ["reset"]:
                # It names a position, if of another time.
                kinds = [(await source.hear())["type"]]
            assert kinds == ["snapshot"], text
    for raw in (b"\xff\xfe", b"\xc2\xb2", good.encode() + b"\xff"):
        headers: Any = [(b"last-event-id", raw)]
        async with event_source(served.events_url, "board:a", headers=dict(headers)) as source:
            await source.hear_type("ack")
            assert (await source.hear())["type"] == "snapshot", raw


@pytest.mark.parametrize("epoch", ["x\ndata: {}\n\nid: y", "x\ry", "\0", "\u2028", "x" * 50_000])
async def test_an_id_that_was_made_up_is_not_told_again(served: Served, epoch: str) -> None:
    """Also not of a topic that can't be had, which never gets a position of its own."""
    served.boards["a"].write("x", 1)
    topics = ("board:a", "board:nowhere")
    async with event_source(served.events_url, *topics) as source:
        await source.hear_type("snapshot")
        good = source.last_id
    assert good.endswith("~")
    made_up = f"{good}{epoch}.1"
    async with event_source(served.events_url, *topics, last_event_id=made_up) as source:
        assert [(await source.hear())["type"] for _ in range(2)] == ["ack", "resumed"]
        assert source.last_id == good


async def test_every_frame_of_a_topic_has_an_id(served: Served) -> None:
    """It names the seq; what belongs to no topic leaves it as it was."""
    board = served.boards["a"]
    async with event_source(served.events_url, "board:a") as source:
        await source.hear()
        assert source.last_id == ""
        seqs = []
        await source.hear_type("snapshot")
        for number in range(5):
            board.write("x", number)
            frame = await source.hear()
            seqs.append(int(source.last_id.rpartition(".")[2]))
            assert seqs[-1] == frame["seq"]
        before = source.last_id
        board.commit("x", 5)
        board.reset()
        assert (await source.hear())["type"] == "reset"
        assert source.last_id == before
        await source.hear_type("snapshot")
        assert source.last_id != before
    board.write("x", 9)
    for last_id, type in ((before, "reset"), (source.last_id, "resumed")):
        async with event_source(served.events_url, "board:a", last_id=last_id) as source:
            await source.hear_type("ack")
            assert (await source.hear())["type"] == type


async def test_heartbeats_and_comments(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first for clients, the others for what lies in between, when there is nothing else."""
    monkeypatch.setattr(sse, "SILENCE_SECONDS", 0.05)
    async with serve(Limits(heartbeat_seconds=0.5)) as served:
        served.boards["a"].write("x", 1)
        async with event_source(served.events_url, "board:a") as source:
            beat = await source.hear_type("heartbeat")
            assert abs(beat["time"] - time.time()) < 5
            before = source.comments
            await until(lambda: source.comments > before + 2)


async def test_a_full_process_says_when_to_come_again(serve: Serve) -> None:
    """As the standard has it, since a browser takes any other status for the end."""
    async with serve(Limits(connections=1)) as served:
        served.boards["a"].write("x", 1)
        async with event_source(served.events_url, "board:a") as first:
            await first.hear_type("snapshot")
            async with event_source(served.events_url, "board:a") as second:
                [bye] = await second.hear_end()
                assert (bye["type"], bye["reason"]) == ("bye", "limit")
                assert second.retry == bye["reconnect_in_ms"] == 10_000
        await until(lambda: not served.hub.mailboxes)
        async with event_source(served.events_url, "board:a") as third:
            await third.hear_type("snapshot")


async def test_who_leaves_leaves_nothing(serve: Serve) -> None:
    """No mailbox, no listener, and soon no topic; also who leaves at once."""
    async with serve(Limits(linger_seconds=0.05)) as served:
        served.boards["a"].write("x", 1)

        async def come_and_go(turn: int) -> None:
            for _ in range(5):
                async with asking(served.events_url, TOPICS):
                    await anyio.sleep(0.01 * turn)

        async with anyio.create_task_group() as tasks:
            for turn in range(5):
                tasks.start_soon(come_and_go, turn)
        await until(lambda: not served.hub.mailboxes)
        await until(lambda: not served.hub.topics)


async def test_a_stop_says_goodbye(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Then the answer ends in order, and the server has to cut nothing off."""
    served.boards["a"].write("x", 1)
    async with event_source(served.events_url, "board:a") as source:
        await source.hear_type("snapshot")
        served.server.stop()
        [bye] = await source.hear_end()
        assert (bye["type"], bye["reason"]) == ("bye", "restart")
        assert source.retry == bye["reconnect_in_ms"]
        assert 500 <= source.retry <= 5000
        await served.server.is_stopped.wait()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_with_time_to_drain_the_goodbyes_are_spread(serve: Serve) -> None:
    """Until its own goodbye a client goes on hearing the market."""
    async with serve(Limits(drain_seconds=2)) as served:
        board, times, counts = served.boards["a"], [], []

        async def follow() -> None:
            async with event_source(served.events_url, "board:a") as source:
                await source.hear_type("snapshot")
                frames = await source.hear_end()
                assert frames[-1]["type"] == "bye"
                times.append(time.monotonic())
                counts.append(len(frames))

        board.write("x", 0)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(follow)
            await until(lambda: _listeners(served) == 20)
            served.server.stop()
            while not served.server.is_stopped.is_set():
                board.write("x", 1)
                await anyio.sleep(0.01)
    assert max(times) - min(times) > 0.5
    assert max(counts) > 10


async def test_who_comes_as_the_server_stops_is_told_so(serve: Serve) -> None:
    """One who was let in when the others had been told already."""
    arrived, go = anyio.Event(), anyio.Event()
    layer = Middleware(Waiting, arrived=arrived, go=go)
    async with serve(Limits(drain_seconds=1), layers=[layer]) as served:

        async def stop() -> None:
            await arrived.wait()
            served.server.stop()
            # uvicorn looks ten times a second.
            await anyio.sleep(0.3)
            go.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            async with event_source(served.events_url, "board:a") as source:
                assert (await source.hear_end())[-1]["type"] == "bye"
        await served.server.is_stopped.wait()


async def test_under_another_protocol_class_events_work(serve: Serve) -> None:
    """Without what ours adds: no goodbye, but the same events and the end of the server."""
    async with serve(http="httptools", timeout_graceful_shutdown=1) as served:
        served.boards["a"].write("x", 1)
        async with event_source(served.events_url, "board:a") as source:
            assert (await source.hear_type("snapshot"))["values"] == {"x": 1}
            served.server.stop()
            assert await source.hear_end() == []


def _listeners(served: Served) -> int:
    return sum(len(topic.listeners) for topic in served.hub.topics.values())
