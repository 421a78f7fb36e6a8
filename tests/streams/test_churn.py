"""Readers come, ask, stall and go, in any order, while what they follow is written."""

import asyncio
import gc
import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from weakref import WeakSet

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.streams.boards import Boards, BoardSource
from tests.streams.hasty import HastyLoop
from tests.streams.readers import NAMES, Reader
from tradeapi.clock import SystemClock
from tradeapi.errors import TradeError
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.topics import Topic

LIMITS = Limits(
    linger_seconds=1, pending=64, send_seconds=10, messages_per_second=10_000, burst=10_000
)
names = st.sampled_from(NAMES)
places = st.integers(0, 3)
topics = st.lists(st.sampled_from([f"board:{name}" for name in NAMES]), min_size=1, unique=True)
changes = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 99), st.booleans()), min_size=1, max_size=20
)


class Witnessed(Boards):
    """Knows of every topic that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: WeakSet[Topic] = WeakSet()

    async def open(self, topic: Topic) -> BoardSource:
        self.topics.add(topic)
        return await super().open(topic)


class Churn(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # Only what comes from now on has to be looked at to see what has been left.
        gc.freeze()
        self.runner = asyncio.Runner(loop_factory=HastyLoop)
        self.hub = Hub(LIMITS, SystemClock())
        self.boards = Witnessed()
        self.hub.register("board", self.boards)
        self.readers = [
            Reader(self.hub, self.boards, is_direct=place % 2 == 0) for place in range(4)
        ]
        self.mailboxes: WeakSet[Mailbox] = WeakSet()

    @rule(
        reader=places,
        topics=topics,
        history=st.integers(0, 1),
        throttle_ms=st.sampled_from((0, 0, 20, 500)),
        resumes=st.booleans(),
    )
    def subscribe(self, reader: int, topics: Sequence[str], resumes: bool, **options: int) -> None:
        one = self.readers[reader]
        if not one.is_here:
            self.do(one.come)
        resume = one.positions(topics) if resumes else {}
        self.do(one.ask, "subscribe", topics, resume=resume, **options)

    @rule(reader=places, topics=topics)
    def unsubscribe(self, reader: int, topics: Sequence[str]) -> None:
        if self.readers[reader].is_here:
            self.do(self.readers[reader].ask, "unsubscribe", topics)

    @rule(reader=places, room=st.sampled_from((0, 1, 3, math.inf)))
    def give(self, reader: int, room: float) -> None:
        self.do(self.readers[reader].wire.give, room)

    @rule(reader=places, abruptly=st.booleans())
    def leave(self, reader: int, abruptly: bool) -> None:
        self.run(self.readers[reader].leave(abruptly=abruptly))

    @rule(board=names, changes=changes, announces=st.booleans())
    def write(self, board: str, changes: Sequence[tuple[str, int, bool]], announces: bool) -> None:
        def commit() -> None:
            for key, value, final in changes:
                self.boards[board].commit(key, value, final=final)
                if announces:
                    self.boards[board].announce()

        self.do(commit)

    @rule(board=names, back=st.integers(0, 3))
    def announce(self, board: str, back: int) -> None:
        one = self.boards[board]
        self.do(one.announce, one.version - back)

    @rule(board=names)
    def reset(self, board: str) -> None:
        self.do(self.boards[board].reset)

    @rule(board=names)
    def end(self, board: str) -> None:
        topic = self.hub.topics.get(f"board:{board}")
        if topic is not None and topic.source is not None:
            self.do(self.hub.end, topic, TradeError("It is over."))

    @rule(turns=st.integers(1, 5))
    def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.run(asyncio.sleep(0))

    @rule(seconds=st.sampled_from((0.001, 0.03, 0.6, 11)))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @rule()
    def settle(self) -> None:
        """When nothing holds up anybody, everybody knows everything."""
        for reader in self.readers:
            self.do(reader.wire.give, math.inf)
        for name in NAMES:
            self.do(self.boards[name].announce)
        self.run(asyncio.sleep(2))
        assert all(reader.is_settled for reader in self.readers)

    def teardown(self) -> None:
        try:
            self.settle()
            for reader in self.readers:
                self.run(reader.leave(abruptly=False))
            self.run(asyncio.sleep(2 * LIMITS.linger_seconds))
        finally:
            self.runner.close()
        assert not self.hub.topics
        assert not self.hub.mailboxes
        gc.collect()
        # Each subscription keeps its topic and its mailbox, so none of them is left either.
        assert not self.boards.topics
        assert not self.mailboxes

    def do(self, call: Callable[..., object], *arguments: Any, **options: Any) -> None:
        """In the loop, where it has not gone on yet when this returns."""

        async def called() -> None:
            call(*arguments, **options)

        self.run(called())

    def run(self, what: Coroutine[Any, Any, object]) -> None:
        self.runner.run(what)
        self.mailboxes.update(self.hub.mailboxes)
        for reader in self.readers:
            reader.read()


def test_no_order_of_events_costs_a_reader_anything_or_leaves_anything_behind() -> None:
    """Nothing is skipped, doubled or heard unasked, and in the end nobody is held any more."""
    gc.collect()
    try:
        run_state_machine_as_test(
            Churn, settings=settings(deadline=None, max_examples=100, report_multiple_bugs=False)
        )
    finally:
        gc.unfreeze()
