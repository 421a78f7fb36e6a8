"""The topics of indices: each build that is published is told once, to whoever follows it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.indices.desk import Desk, date_of
from tests.streams.client import Client, client
from tests.streams.conftest import Served, serve_hub
from tests.streams.documented import Frame
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.indices.live.channel import IndicesChannel
from tradeapi.indices.live.followed import FollowedIndices
from tradeapi.market.symbols.service import Symbols
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits

pytestmark = pytest.mark.anyio

TOPIC = "indices:ONE"
# Whichever it holds has not moved.
LEVEL = pytest.approx(1000.0, rel=1e-12)


@asynccontextmanager
async def served(desk: Desk, bus: Bus | None = None) -> AsyncIterator[Served]:
    """One process; on another bus than the desk's it hears nothing of builds."""
    hub = Hub(Limits(), desk.clock)
    async with (
        FollowedIndices(desk.database, bus or desk.bus, hub) as followed,
        serve_hub(hub) as server,
    ):
        hub.register("indices", IndicesChannel(followed))
        yield server


async def market(desk: Desk) -> None:
    """The larger one of two, by turns: B is from session 2 on, and A again from session 4 on."""
    await desk.stock("US:A", [10.0] * 4 + [30.0] * 4, shares=1.0)
    await desk.stock("US:B", [5.0, 5.0] + [20.0] * 6, shares=1.0)
    await desk.define("ONE", count=1)


async def follow(guest: Client, **options: object) -> Frame:
    """The frame that the topic begins with."""
    await guest.say(op="subscribe", topics=[TOPIC], **options)
    ack = await guest.hear_type("ack")
    assert ack["rejected"] == []
    return await guest.hear()


def told(frame: Frame) -> dict[str, object]:
    """What it says beside its place in the topic."""
    return {key: frame[key] for key in frame if key not in {"topic", "epoch", "seq", "prev"}}


def built(revision: int, start: int, end: int) -> dict[str, object]:
    days = {"start": date_of(start).isoformat(), "end": date_of(end).isoformat()}
    return {"type": "index_built", "revision": revision, **days, "level": LEVEL}


TO_B = {
    "date": date_of(2).isoformat(),
    "entered": ["US:B"],
    "exited": ["US:A"],
    "turnover": 1.0,
}
TO_A = {
    "date": date_of(4).isoformat(),
    "entered": ["US:A"],
    "exited": ["US:B"],
    "turnover": 1.0,
}


def rebalanced(revision: int, change: dict[str, object]) -> dict[str, object]:
    return {"type": "index_rebalanced", **change, "revision": revision}


async def test_builds_are_told_with_what_they_rebalanced(desk: Desk) -> None:
    """Of few sessions each that was changed, of many the last."""
    await market(desk)
    async with served(desk) as server, client(server.url) as guest:
        assert told(await follow(guest)) == {
            "type": "snapshot",
            "code": "ONE",
            "symbol": "INDEX:ONE",
            "revision": 0,
            "date": None,
            "level": None,
            "count": 0,
            "last_rebalance": None,
        }
        await desk.build("ONE", end=1)
        assert told(await guest.hear()) == built(1, 0, 1)
        await desk.build("ONE", end=4)
        assert told(await guest.hear()) == built(2, 2, 4)
        assert told(await guest.hear()) == rebalanced(2, TO_B)
        assert told(await guest.hear()) == rebalanced(2, TO_A)
        await desk.build("ONE", start=0, end=7)
        assert told(await guest.hear()) == built(3, 0, 7)
        assert told(await guest.hear()) == rebalanced(3, TO_A)
    async with served(desk) as server, client(server.url) as guest:
        snapshot = await follow(guest)
        assert (snapshot["date"], snapshot["level"]) == (date_of(7).isoformat(), LEVEL)
        assert (snapshot["count"], snapshot["last_rebalance"]) == (1, TO_A)


async def test_builds_that_nobody_announces_are_found(desk: Desk) -> None:
    """By a process that hears nothing of others."""
    await market(desk)
    await desk.build("ONE", end=1)
    async with served(desk, MemoryBus()) as server, client(server.url) as guest:
        assert (await follow(guest))["revision"] == 1
        await desk.build("ONE", end=2)
        assert told(await guest.hear()) == built(2, 2, 2)
        assert told(await guest.hear()) == rebalanced(2, TO_B)


async def test_who_comes_back_gets_the_builds_since(desk: Desk) -> None:
    """From a process that has told none of them: the same frames, at the same places."""
    await market(desk)
    await desk.build("ONE", end=1)
    async with served(desk) as server, client(server.url) as guest:
        snapshot = await follow(guest)
        await desk.build("ONE", end=4)
        await desk.build("ONE", end=5)
        live = [await guest.hear() for _ in range(4)]
    resume = {TOPIC: {"epoch": snapshot["epoch"], "seq": snapshot["seq"]}}
    async with served(desk) as server, client(server.url) as guest:
        assert (await follow(guest, resume=resume))["type"] == "resumed"
        assert [await guest.hear() for _ in range(4)] == live
        assert await guest.hear_rest() == []
    await desk.execute("DELETE FROM index_builds WHERE revision = 2")
    async with served(desk) as server, client(server.url) as guest:
        reset = await follow(guest, resume=resume)
        assert (reset["type"], reset["reason"]) == ("reset", "retention")
        assert (await guest.hear())["revision"] == 3


async def test_an_index_that_is_no_more_ends_its_topic(desk: Desk) -> None:
    """And one that never was has none."""
    await market(desk)
    async with served(desk) as server, client(server.url) as guest:
        await follow(guest)
        async with desk.database.transaction() as session:
            symbols = Symbols(session)
            await symbols.remove(await symbols.get("INDEX:ONE"))
        error = await guest.hear()
        assert (error["type"], error["code"]) == ("error", "unknown_index")
        await guest.say_anything(op="subscribe", topics=[TOPIC, "indices:one", "indices:"])
        ack = await guest.hear_type("ack")
        codes = {one["topic"]: one["code"] for one in ack["rejected"]}
        wrong = dict.fromkeys(("indices:one", "indices:"), "unknown_topic")
        assert codes == {TOPIC: "unknown_index", **wrong}
