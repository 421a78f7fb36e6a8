"""The hub: snapshots join their changes without a seam, and topics come and go."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing

import anyio
import orjson
import pytest
from anyio.lowlevel import checkpoint

from tests.streams.boards import Board, Boards, BoardSource
from tests.streams.waiting import until
from tradeapi.clock import SystemClock
from tradeapi.errors import NotFound, TradeError
from tradeapi.streams.hub import HEARTBEATS_AT_ONCE, Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.positions import position
from tradeapi.streams.requests import Position, Subscribe
from tradeapi.streams.subscription import Subscription
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal

pytestmark = pytest.mark.anyio


@pytest.fixture
def boards() -> Boards:
    return Boards()


@pytest.fixture
def hub(boards: Boards) -> Hub:
    hub = Hub(Limits(linger_seconds=0.05, pending=100_000), SystemClock())
    hub.register("board", boards)
    return hub


@asynccontextmanager
async def follower(
    hub: Hub, name: str, position: Position | None = None
) -> AsyncIterator["Follower"]:
    with hub.mailbox() as mailbox:
        topic = await hub.open(name)
        subscription = Subscription(topic, mailbox, position)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hub.serve_snapshots, mailbox)
                yield Follower(mailbox, subscription)
                tasks.cancel_scope.cancel()
        finally:
            subscription.close()
            hub.release(topic)


class Follower:
    """Merges what one subscription gets, and remembers the state after each frame."""

    def __init__(self, mailbox: Mailbox, subscription: Subscription) -> None:
        self.mailbox = mailbox
        self.subscription = subscription
        self.values: dict[str, int] = {}
        self.epoch = ""
        self.seq = -1
        self.states: dict[int, dict[str, int]] = {}
        self.snapshots: dict[int, dict[str, int]] = {}
        self.kinds: list[str] = []
        self.reasons: list[object] = []

    async def read(self) -> None:
        with anyio.move_on_after(0.1):
            for text in await self.mailbox.take():
                self.apply(orjson.loads(text))

    async def read_until(self, board: Board) -> None:
        with anyio.fail_after(5):
            while self.values != board.values:
                await self.read()

    def apply(self, frame: dict[str, object]) -> None:
        self.kinds.append(str(frame["type"]))
        match frame:
            case {"type": "snapshot", "seq": int(seq), "values": dict(values)}:
                assert seq >= self.seq or frame["epoch"] != self.epoch
                self.epoch, self.seq, self.values = str(frame["epoch"]), seq, values
                self.snapshots[seq] = values
            case {"type": "value", "seq": int(seq), "key": str(key), "value": int(value)}:
                assert seq > self.seq
                self.seq, self.values = seq, self.values | {key: value}
            case {"type": "resumed", "from": int(first)}:
                assert first == self.seq + 1
            case _:
                assert frame["type"] == "reset"
                self.reasons.append(frame["reason"])
        self.states[self.seq] = self.values


async def write(board: Board) -> None:
    """Commit for ever; announce some of it late."""
    number = 0
    while True:
        number += 1
        board.commit(random.choice("abcdefgh"), number, final=True)
        if random.random() < 0.7:
            board.announce(board.version - random.choice([0, 0, 0, 1, 5]))
        if random.random() < 0.2:
            await checkpoint()


async def follow(reader: Follower) -> None:
    while True:
        await reader.read()


async def test_every_snapshot_is_the_state_at_exactly_its_seq(hub: Hub, boards: Boards) -> None:
    """Changes pour in, some announced late; readers who join at any time see the same history."""
    board = boards["a"]
    joins = range(100)

    async with follower(hub, "board:a") as steady, follower(hub, "board:a") as restless:
        steady.subscription.want()
        await steady.read()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write, board)
            tasks.start_soon(follow, steady)
            for join in joins:
                restless.subscription.history = join % 2
                restless.subscription.want()
                for _ in range(join % 3 + 1):
                    await restless.read()
            tasks.cancel_scope.cancel()
        board.announce()
        restless.subscription.want()
        await steady.read_until(board)
        await restless.read_until(board)
    assert len(restless.snapshots) > len(joins) / 2
    for seq, values in restless.snapshots.items():
        assert steady.states[seq] == values
    for seq in restless.states.keys() & steady.states.keys():
        assert steady.states[seq] == restless.states[seq]


async def test_a_kept_snapshot_serves_many(hub: Hub, boards: Boards) -> None:
    """A storm of reconnects reads the source once."""
    board = boards["a"]
    board.write("a", 1)
    async with follower(hub, "board:a") as first, follower(hub, "board:a") as second:
        first.subscription.want()
        await first.read()
        board.write("a", 2)
        second.subscription.want()
        await second.read_until(board)
        assert second.kinds == ["snapshot", "value"]
    assert board.reads == 1


async def test_a_returning_reader_resumes_where_it_was(hub: Hub, boards: Boards) -> None:
    """Within what is kept a reader gets what it missed and no snapshot."""
    board = boards["a"]
    async with follower(hub, "board:a") as reader:
        reader.subscription.want()
        await reader.read()
        board.write("a", 1)
        await reader.read_until(board)
    board.write("b", 2)
    board.write("c", 3)
    async with follower(hub, "board:a", Position(reader.epoch, reader.seq)) as again:
        again.values, again.seq, again.epoch = reader.values, reader.seq, reader.epoch
        again.subscription.want()
        await again.read()
        assert again.kinds == ["resumed", "value", "value"]
        assert again.values == board.values


async def test_kept_snapshots_are_bounded(boards: Boards) -> None:
    """All of them together, whoever follows their topics; the oldest are read anew."""
    hub = Hub(Limits(kept_bytes=200), SystemClock())
    hub.register("board", boards)
    for name in ("a", "b"):
        boards[name].write("x", 1)
    async with follower(hub, "board:a") as first, follower(hub, "board:b") as second:
        for one, name in ((first, "a"), (first, "a"), (second, "b"), (second, "b"), (first, "a")):
            one.values = {}
            one.subscription.want()
            await one.read_until(boards[name])
    assert (boards["a"].reads, boards["b"].reads) == (2, 1)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (Position("another", 0), "epoch"),
        (Position("", 2**63), "retention"),
        (Position("", -1), "retention"),
        (Position("", position(2)), "retention"),
    ],
)
async def test_a_position_that_is_not_kept_gets_a_snapshot(
    hub: Hub, boards: Boards, at: Position, reason: str
) -> None:
    """Another epoch, the future, the past, and what a reset has cut off; the reader is told."""
    board = boards["a"]
    board.write("a", 1)
    async with follower(hub, "board:a") as reader:
        reader.subscription.want()
        await reader.read()
        board.write("a", 2)
        board.write("a", 3)
        board.reset()
        await reader.read()
        epoch = at.epoch or reader.epoch
        async with follower(hub, "board:a", Position(epoch, at.seq)) as liar:
            liar.subscription.want()
            await liar.read_until(board)
            assert liar.kinds == ["reset", "snapshot"]
            assert liar.reasons == [reason]


async def test_after_a_reset_everybody_gets_a_snapshot(hub: Hub, boards: Boards) -> None:
    """The reset comes first, nothing in between, and the changes go on after it."""
    board = boards["a"]
    async with follower(hub, "board:a") as reader:
        reader.subscription.want()
        await reader.read()
        board.values = {"rewritten": 1}
        board.reset()
        board.write("a", 2)
        await reader.read_until(board)
    assert reader.kinds[:3] == ["snapshot", "reset", "snapshot"]


async def test_unknown_topics_are_refused_by_code(hub: Hub) -> None:
    """An unknown kind and a name that the channel does not know."""
    with pytest.raises(NotFound) as kind:
        await hub.open("nothing:a")
    with pytest.raises(NotFound) as name:
        await hub.open("board:a")
    assert (kind.value.code, name.value.code) == ("unknown_topic", "unknown_symbol")
    assert not hub.topics


async def test_a_topic_outlives_its_last_reader_for_a_while(hub: Hub, boards: Boards) -> None:
    """Long enough to resume, and not longer."""
    board = boards["a"]
    async with follower(hub, "board:a"):
        pass
    assert hub.topics.keys() == {"board:a"}
    async with follower(hub, "board:a"):
        await anyio.sleep(0.1)
        assert hub.topics.keys() == {"board:a"}
    await anyio.sleep(0.1)
    assert not hub.topics
    assert not board.sources


async def test_who_waits_for_a_topic_that_ends_gets_a_new_one(hub: Hub, boards: Boards) -> None:
    """Not the old one, which nobody tells anything any more."""
    boards["a"].write("x", 1)
    ended = await hub.open("board:a")
    async with ended.turn, anyio.create_task_group() as tasks:
        tasks.start_soon(hub.open, "board:a")
        await until(lambda: ended.holders == 2)
        hub.end(ended, TradeError("It is over."))
        ended.turn.release()
        await until(lambda: ended.holders == 1)
        await ended.turn.acquire()
    opened = hub.topics["board:a"]
    assert opened is not ended
    hub.release(opened)
    hub.release(ended)


class StuckBoards(Boards):
    """Their opening takes until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.opening = 0
        self.let_go = anyio.Event()

    async def open(self, topic: Topic) -> BoardSource:
        self.opening += 1
        await self.let_go.wait()
        return await super().open(topic)


async def test_nobody_waits_for_topics_that_are_long_to_read(hub: Hub, boards: Boards) -> None:
    """Of which so many are read at once as may be; the others have their turn after that."""
    stuck = StuckBoards()
    hub.register("long", stuck, own_reads=2)
    names = [f"long:{number}" for number in range(10)]
    for name in names:
        stuck[name.partition(":")[2]].write("x", 1)
    boards["a"].write("x", 1)
    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(hub.open, name)
        await until(lambda: len(hub.topics) == 10)
        with anyio.fail_after(5):
            hub.release(await hub.open("board:a"))
        assert stuck.opening == 2
        stuck.let_go.set()
    assert stuck.opening == 10


class SlowBoards(Boards):
    """The board b is not opened until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = anyio.Event()

    async def open(self, topic: Topic) -> BoardSource:
        if topic.name == "board:b":
            await self.go.wait()
        return await super().open(topic)


@pytest.mark.parametrize("ends", [False, True], ids=["reset", "ended"])
async def test_nothing_of_a_topic_is_heard_before_its_ack(hub: Hub, ends: bool) -> None:
    """Whatever becomes of it while others of the request are opened; it is not lost, either."""
    boards = SlowBoards()
    hub.register("board", boards)
    for name in "ab":
        boards[name].write("x", 1)
    request = Subscribe(1, ("board:a", "board:b"), history=0, throttle=0, resume={})
    with hub.mailbox() as mailbox, closing(Subscriptions(hub, mailbox)) as subscriptions:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.serve_snapshots, mailbox)
            tasks.start_soon(subscriptions.add, request, Principal(may_browse=True))
            await until(lambda: "board:b" in hub.topics)
            if ends:
                hub.end(hub.topics["board:a"], TradeError("It is over."))
            else:
                boards["a"].reset()
                await anyio.sleep(0.05)
            boards.go.set()
            heard: list[tuple[str, object]] = []
            while len(heard) < 3:
                frames = map(orjson.loads, await mailbox.take())
                heard += [(frame["type"], frame.get("topic")) for frame in frames]
            tasks.cancel_scope.cancel()
    assert heard[0] == ("ack", None)
    assert sorted(heard[1:]) == [("snapshot", "board:a"), ("snapshot", "board:b")]


class Recorder:
    """An outlet that keeps in which turn of the event loop it was written to."""

    is_writable = True

    def __init__(self) -> None:
        self.turn = 0
        self.written: list[int] = []

    async def count(self) -> None:
        while True:
            await checkpoint()
            self.turn += 1

    def write(self, _: bytes) -> None:
        self.written.append(self.turn)


async def test_heartbeats_give_others_their_turn() -> None:
    """All sockets have the same ones, but not at once."""
    hub, recorder, sockets = Hub(Limits(heartbeat_seconds=0.01), SystemClock()), Recorder(), 450
    with ExitStack() as open_mailboxes:
        for _ in range(sockets):
            open_mailboxes.enter_context(hub.mailbox()).send_to(recorder, lambda: None)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recorder.count)
            tasks.start_soon(hub.run)
            await until(lambda: len(recorder.written) >= sockets)
            tasks.cancel_scope.cancel()
    most = max(Counter(recorder.written).values())
    assert most <= HEARTBEATS_AT_ONCE


async def test_churn_leaves_nothing_behind(hub: Hub, boards: Boards) -> None:
    """Readers that come and go while changes pour in, some cancelled at any point."""
    for name in "abc":
        boards[name].write("a", 1)

    async def come_and_go() -> None:
        for _ in range(30):
            with anyio.move_on_after(random.uniform(0, 0.01)):
                async with follower(hub, f"board:{random.choice('abc')}") as reader:
                    reader.subscription.want()
                    while True:
                        await reader.read()

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(come_and_go)
        for number in range(300):
            boards[random.choice("abc")].write("a", number)
            await anyio.sleep(0.001)
    await anyio.sleep(0.1)
    assert not hub.topics
    assert not hub.mailboxes
    assert not any(board.sources for board in boards.boards.values())
