"""The past on a socket: started, stopped and at its own speed, next to all else."""

import asyncio
import itertools
import time

import anyio
import pytest
from uuid_utils.compat import uuid7

from tests.streams.authority import READ, Authority, bearer
from tests.streams.client import Client, client
from tests.streams.conftest import Serve, Served
from tests.streams.deaf import deaf
from tests.streams.documented import Frame
from tests.streams.waiting import until
from tradeapi.auth.revocations import Kind
from tradeapi.errors import NotFound, Unavailable
from tradeapi.streams import replays
from tradeapi.streams.limits import Limits
from tradeapi.streams.recordings import Past
from tradeapi.streams.replays import MOST_REPLAYS
from tradeapi.streams.requests import FASTEST
from tradeapi.web.principal import Scope

pytestmark = pytest.mark.anyio


def past(*values: int, width: float = 60, apart: float = 60) -> list[Past]:
    return [
        Past(apart * value, apart * value + width, "value", {"key": "x", "value": value})
        for value in values
    ]


async def replay(guest: Client, topic: str = "board:a", speed: float = FASTEST) -> None:
    await guest.say(op="replay", id=5, topic=topic, start=0, end=1, speed=speed)


async def hear_values(guest: Client) -> tuple[list[int], Frame]:
    """What is replayed, and what ends it."""
    values = []
    while (frame := await guest.hear())["type"] == "value":
        assert frame == {
            "type": "value",
            "topic": "board:a",
            "replay": "r1",
            "key": "x",
            "value": frame["value"],
        }
        values.append(frame["value"])
    return values, frame


async def test_a_replay_plays_page_after_page(served: Served) -> None:
    """Between its two ends, in order, and next to the topic as it is now."""
    board = served.boards["a"]
    board.past = [past(1, 2, 3), past(4), past(5, 6)]
    async with client(served.url) as guest:
        await guest.hear()
        await replay(guest)
        assert await guest.hear() == {"type": "replay", "id": 5, "replay": "r1", "state": "started"}
        values, end = await hear_values(guest)
        assert values == [1, 2, 3, 4, 5, 6]
        assert end == {"type": "replay", "id": 5, "replay": "r1", "state": "ended"}
        assert not served.hub.topics, "nothing is followed for it"
        await replay(guest)
        assert (await guest.hear())["replay"] == "r2"


async def test_each_frame_comes_at_its_end_as_fast_as_asked(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no time without any lasts longer than some seconds."""
    monkeypatch.setattr(replays, "LONGEST_GAP_SECONDS", 0.5)
    async with client(served.url) as guest:
        await guest.hear()
        night = [Past(0, 60, "value", {}), Past(60, 120, "value", {})]
        night += [Past(1e9, 1e9 + 60, "value", {})]
        # The last session of some days ends before they begin.
        night += [Past(1e9 + 180, 1e9 + 60, "value", {})]
        served.boards["a"].past = [night]
        await replay(guest, speed=300)
        times = [time.monotonic()]
        for _ in range(6):
            await guest.hear()
            times.append(time.monotonic())
        _, *waits = itertools.pairwise(times)
        # A machine under load may be late, and is never early.
        for (before, after), least in zip(waits, (0.2, 0.2, 0.5 + 0.2, 0.4, 0), strict=True):
            assert after - before > least - 0.1


async def test_a_replay_is_stopped(served: Served) -> None:
    """And after that nothing of it is heard."""
    served.boards["a"].past = [past(*range(200)), past(*range(200, 400))] * 20
    async with client(served.url) as guest:
        await guest.hear()
        await replay(guest)
        for _ in range(100):
            await guest.hear()
        await guest.say(op="stop_replay", id=6, replay="r1")
        stopped = await guest.hear_type("replay")
        assert stopped == {"type": "replay", "id": 6, "replay": "r1", "state": "stopped"}
        assert await guest.hear_rest() == []
        for name in ("r1", "r2", "x"):
            await guest.say_anything(op="stop_replay", id=7, replay=name)
            refused = await guest.hear()
            assert (refused["code"], refused["id"]) == ("not_found", 7)


async def test_a_socket_has_so_many_replays(served: Served) -> None:
    """One more is refused until another is over."""
    served.boards["a"].past = [past(1, 2)]
    async with client(served.url) as guest:
        await guest.hear()
        for number in range(MOST_REPLAYS):
            await replay(guest, speed=1)
            assert (await guest.hear())["replay"] == f"r{number + 1}"
        await replay(guest)
        refused = await guest.hear()
        assert (refused["code"], refused["id"]) == ("too_many_replays", 5)
        await guest.say(op="stop_replay", replay="r2")
        await guest.hear_type("replay")
        await replay(guest)
        assert (await guest.hear())["state"] == "started"
        async with client(served.url) as other:
            await other.hear()
            await replay(other)
            assert (await other.hear())["replay"] == "r1"


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ({}, "invalid_field", "topic"),
        ({"topic": ["board:a"], "start": 0}, "invalid_field", "topic"),
        ({"topic": "", "start": 0}, "invalid_field", "topic"),
        ({"topic": "board:" + "a" * 200, "start": 0}, "invalid_field", "topic"),
        ({"topic": "board:a"}, "invalid_field", "start"),
        ({"topic": "board:a", "start": 0, "speed": 0}, "invalid_field", "speed"),
        ({"topic": "board:a", "start": 0, "speed": 0.99}, "invalid_field", "speed"),
        ({"topic": "board:a", "start": 0, "speed": FASTEST + 1}, "invalid_field", "speed"),
        ({"topic": "board:a", "start": 0, "speed": True}, "invalid_field", "speed"),
        ({"topic": "board:a", "start": 0, "speed": "1"}, "invalid_field", "speed"),
        ({"topic": "board:a", "start": 0, "end": 0}, "invalid_field", "start"),
        ({"topic": "board:none", "start": 0}, "unknown_symbol", None),
        ({"topic": "nothing", "start": 0}, "unknown_topic", None),
        ({"topic": "board:empty", "start": 0}, "not_found", None),
    ],
)
async def test_what_can_not_be_replayed_is_an_error(
    served: Served, frame: Frame, code: str, field: str | None
) -> None:
    """With the id of the request; the socket lives."""
    served.boards["empty"].write("x", 1)
    served.boards["a"].past = [past(1)]
    async with client(served.url) as guest:
        await guest.hear()
        await guest.say_anything(op="replay", id="r", **frame)
        error = await guest.hear()
        assert (error["type"], error["id"]) == ("error", "r")
        assert (error["code"], error.get("field")) == (code, field)
        await guest.say_anything(op="stop_replay", id=1, replay=frame.get("replay"))
        assert (await guest.hear())["field"] == "replay"
        await replay(guest)
        assert (await guest.hear())["state"] == "started"


async def test_a_replay_waits_for_the_database(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a while; the client hears what follows as if nothing had been."""
    monkeypatch.setattr(replays, "RETRY_SECONDS", 0.01)
    board = served.boards["a"]
    away = Unavailable("The database is away.", code="database_unavailable")
    board.past = [past(1, 2), away, away, past(3), away]
    async with client(served.url) as guest:
        await guest.hear()
        await replay(guest)
        await guest.hear()
        values, end = await hear_values(guest)
        assert (values, end["state"]) == ([1, 2, 3], "ended")
        board.past = [past(1), *[away] * 50]
        await replay(guest)
        assert (await guest.hear_type("replay"))["replay"] == "r2"
        error = await guest.hear_type("error")
        assert (error["code"], error["id"]) == ("database_unavailable", 5)
        assert error["replay"] == "r2"
        # At the beginning nothing is waited for.
        board.past = [away, past(1)]
        await replay(guest)
        error = await guest.hear()
        assert error["code"] == "database_unavailable"
        assert "replay" not in error


async def test_a_replay_may_come_to_a_bad_end(served: Served) -> None:
    """Of what it is about, or of ours: the rest of the socket goes on."""
    board = served.boards["a"]
    crash: list[Past] = [Past(0, 0, "value", {"value": object()})]
    async with client(served.url) as guest:
        await guest.say(op="subscribe", topics=["board:a"])
        await guest.hear_type("snapshot")
        for page, code in ((NotFound("It is gone."), "not_found"), (crash, "internal")):
            board.past = [past(1), page]
            await replay(guest)
            error = await guest.hear_type("error")
            assert (error["code"], error["id"]) == (code, 5)
            assert error["replay"].startswith("r")
        board.write("x", 1)
        assert (await guest.hear_type("value"))["value"] == 1


async def test_a_client_that_is_slow_holds_its_replay_up(serve: Serve) -> None:
    """Little waits for it, nothing is left out, and it is not closed for it."""
    long = "x" * 2000
    page = [Past(n, n + 1, "value", {"key": long, "value": n}) for n in range(1000)]
    async with serve(Limits(pending=100)) as served:
        board = served.boards["a"]
        board.past = [page] * 10
        async with client(served.url, max_queue=1) as guest, client(served.url) as other:
            await guest.hear()
            await replay(guest)
            await guest.hear()
            # What lies in between fills up, and then it stands still.
            reads = -1
            while reads != board.reads:
                reads = board.reads
                await anyio.sleep(0.5)
            assert reads < 10
            board.write("x", 1)
            await other.say(op="subscribe", topics=["board:a"])
            await other.hear_type("snapshot")
            board.write("x", 2)
            assert (await other.hear())["value"] == 2
            values = [(await guest.hear())["value"] for _ in range(10_000)]
            assert values == [*range(1000)] * 10
            assert (await guest.hear())["state"] == "ended"


async def test_who_never_reads_is_dropped_with_the_replay(serve: Serve) -> None:
    """As without one."""
    async with serve(Limits(send_seconds=0.5)) as served, deaf(served, "a") as guest:
        page = [Past(n, n + 1, "value", {"key": "x" * 2000}) for n in range(500)]
        served.boards["a"].past = [page] * 100
        said = b'{"op":"replay","topic":"board:a","start":0,"end":1,"speed":100000}'
        frame = bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said
        await asyncio.get_running_loop().sock_sendall(guest, frame)
        await until(lambda: served.boards["a"].reads > 1)
        await until(lambda: not served.hub.mailboxes)
        reads = served.boards["a"].reads
        await anyio.sleep(0.2)
        assert served.boards["a"].reads == reads


async def test_topics_are_heard_beside_a_fast_replay(served: Served) -> None:
    """What is now does not wait for what was, nor does a reply."""
    board = served.boards["a"]
    board.past = [past(*range(500))] * 40
    async with client(served.url) as guest:
        served.boards["b"].write("x", 0)
        await guest.say(op="subscribe", topics=["board:b"])
        await guest.hear_type("snapshot")
        await replay(guest)
        await guest.hear_type("replay")
        served.boards["b"].write("x", 7)
        await guest.say(op="ping", id=8)
        heard: list[Frame] = []
        while not {"pong", "now"} <= {_kind(frame) for frame in heard}:
            heard.append(await guest.hear())
        assert len(heard) < 5000


async def test_replays_without_a_pause_leave_room_for_requests(served: Served) -> None:
    """Also as many of them as there may be, and however long they would go on."""
    served.boards["a"].past = [past(*range(100), width=0, apart=0)] * 1000
    async with client(served.url) as guest:
        await guest.hear()
        for number in range(MOST_REPLAYS):
            await replay(guest)
            assert (await guest.hear_type("replay"))["replay"] == f"r{number + 1}"
        await guest.say(op="ping", id=8)
        assert await guest.hear_type("pong") == {"type": "pong", "id": 8}
        for number in range(MOST_REPLAYS):
            await guest.say(op="stop_replay", replay=f"r{number + 1}")
            assert (await guest.hear_type("replay"))["state"] == "stopped"
        assert await guest.hear_rest() == []


async def test_a_stop_of_the_server_is_not_held_up(served: Served) -> None:
    """After its goodbye nothing is replayed."""
    served.boards["a"].past = [past(*range(500))] * 100
    async with client(served.url) as guest:
        await guest.hear()
        await replay(guest)
        await guest.hear()
        served.server.stop()
        frames, code, _ = await guest.hear_close()
        assert (frames[-1]["type"], code) == ("bye", 1012)
        await served.server.is_stopped.wait()


async def test_nobody_replays_what_he_may_not_follow(authority: Authority, guarded: Served) -> None:
    """Nor goes on to when he may no longer."""
    user, login = await authority.user(), uuid7()
    for name in ("a", "secret"):
        guarded.boards[name].past = [past(*range(100))]
    writing = authority.token(user, login, scopes=READ | {Scope.WRITE})
    async with client(guarded.url) as guest:
        await guest.hear()
        await replay(guest)
        assert (await guest.hear())["code"] == "unauthenticated"
        await guest.say(op="auth", token=authority.token(user))
        await guest.hear_type("auth")
        await replay(guest, "board:secret")
        error = await guest.hear()
        assert (error["code"], error["id"]) == ("insufficient_scope", 5)
    assert not guarded.boards["secret"].reads
    async with client(guarded.url, **bearer(writing)) as guest:
        await guest.hear()
        for topic in ("board:secret", "board:a"):
            await replay(guest, topic, speed=1)
            assert (await guest.hear())["state"] == "started"
        await guest.say(op="auth", token=authority.token(user, login))
        assert (await guest.hear())["type"] == "auth"
        error = await guest.hear()
        assert (error["code"], error["replay"]) == ("insufficient_scope", "r1")
        await guest.say(op="stop_replay", replay="r1")
        assert (await guest.hear())["code"] == "not_found"
        await guest.say(op="stop_replay", replay="r2")
        assert (await guest.hear())["state"] == "stopped"
        await replay(guest, speed=1)
        assert (await guest.hear())["state"] == "started"
        await authority.revoke(Kind.LOGIN, login)
        assert (await guest.hear_close())[:2] == ([], 4401)
    await until(lambda: not guarded.hub.mailboxes)


def _kind(frame: Frame) -> str:
    if frame["type"] == "value" and "replay" not in frame:
        return "now"
    return str(frame["type"])
