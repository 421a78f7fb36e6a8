"""What a socket follows: topics that end, at whatever moment."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import orjson
import pytest

from tests.streams.boards import Boards
from tests.streams.waiting import until
from tradeapi.clock import SystemClock
from tradeapi.errors import NotFound
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.requests import Subscribe
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.web.principal import Principal, Scope

pytestmark = pytest.mark.anyio

READER = Principal(scopes=frozenset({Scope.READ}))


@pytest.fixture
def boards() -> Boards:
    boards = Boards()
    for name in "abc":
        boards[name].write("x", 1)
    return boards


@pytest.fixture
def hub(boards: Boards) -> Hub:
    hub = Hub(Limits(topics=2), SystemClock())
    hub.register("board", boards)
    return hub


@pytest.fixture
async def mailbox(hub: Hub) -> AsyncIterator[Mailbox]:
    """One whose snapshots are served."""
    with hub.mailbox() as mailbox:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.serve_snapshots, mailbox)
            yield mailbox
            tasks.cancel_scope.cancel()


def asking_for(*topics: str) -> Subscribe:
    return Subscribe(id=1, topics=topics, history=0, throttle=0, resume={})


def end(hub: Hub, name: str) -> None:
    hub.end(hub.topics[name], NotFound("It is over.", code="unknown_symbol"))


class Reader:
    """Takes what is due, one frame after the other."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._frames: list[dict[str, Any]] = []

    async def hear(self) -> tuple[str, object]:
        """The type of the next frame, and what it is about."""
        with anyio.fail_after(5):
            while not self._frames:
                self._frames += map(orjson.loads, await self._mailbox.take())
        frame = self._frames.pop(0)
        return frame["type"], frame.get("topic") or frame["topics"]


async def test_a_topic_that_is_over_takes_no_place(hub: Hub, mailbox: Mailbox) -> None:
    """A client that has been told so may follow another one instead."""
    subscriptions, reader = Subscriptions(hub, mailbox), Reader(mailbox)
    await subscriptions.add(asking_for("board:a", "board:b"), READER)
    heard = [await reader.hear() for _ in range(3)]
    assert heard[0] == ("ack", ["board:a", "board:b"])

    end(hub, "board:a")
    assert await reader.hear() == ("error", "board:a")
    await subscriptions.add(asking_for("board:c"), READER)
    assert await reader.hear() == ("ack", ["board:c"])
    assert await reader.hear() == ("snapshot", "board:c")
    subscriptions.close()


@pytest.mark.parametrize("is_gone", [False, True])
async def test_what_ends_before_the_ack_is_not_accepted_as_it_was(
    hub: Hub, boards: Boards, mailbox: Mailbox, *, is_gone: bool
) -> None:
    """Others of its request take time to be looked up; it is looked up once more after them."""
    subscriptions, reader = Subscriptions(hub, mailbox), Reader(mailbox)
    other = await hub.open("board:b")
    async with anyio.create_task_group() as tasks, other.turn:
        tasks.start_soon(subscriptions.add, asking_for("board:a", "board:b"), READER)
        await until(lambda: other.holders == 2)
        if is_gone:
            del boards.boards["a"]
        end(hub, "board:a")
    if is_gone:
        assert await reader.hear() == ("ack", ["board:b"])
        assert await reader.hear() == ("snapshot", "board:b")
    else:
        assert await reader.hear() == ("ack", ["board:a", "board:b"])
        assert await reader.hear() == ("snapshot", "board:a")
        assert await reader.hear() == ("snapshot", "board:b")
    subscriptions.close()
    hub.release(other)
