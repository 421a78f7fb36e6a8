"""A small real thing to stream: boards of named values, kept in memory, with a version."""

import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import anyio
from anyio.lowlevel import checkpoint
from pydantic import Field

from tradeapi.errors import FieldError, Invalid, NotFound, TradeError, Unavailable
from tradeapi.streams import messages
from tradeapi.streams.positions import position
from tradeapi.streams.recordings import Past
from tradeapi.streams.topics import Change, Frame, Snapshot, Topic
from tradeapi.web.principal import Principal, Scope


class Board:
    """Values are committed first and announced later, as a database's are."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.log: list[tuple[str, int, bool]] = []
        self.announced = 0
        self.sources: set[BoardSource] = set()
        self.reads = 0
        self.epoch = secrets.token_hex(4)
        # Pages of it, or what a look at one fails with.
        self.past: list[list[Past] | TradeError] = []

    @property
    def version(self) -> int:
        return len(self.log)

    def commit(self, key: str, value: int, *, final: bool = False) -> None:
        self.values = {**self.values, key: value}
        self.log.append((key, value, final))

    def announce(self, until: int | None = None) -> None:
        until = self.version if until is None else until
        while self.announced < until:
            self.announced += 1
            for source in self.sources:
                source.hear(self.announced)

    def write(self, key: str, value: int, *, final: bool = False) -> None:
        self.commit(key, value, final=final)
        self.announce()

    def reset(self) -> None:
        for source in self.sources:
            source.reset()


class BoardSource:
    resumes = True
    rest = "/somewhere"

    def __init__(self, topic: Topic, board: Board) -> None:
        self._topic = topic
        self._board = board
        self._is_begun = False
        board.sources.add(self)

    def hear(self, version: int) -> None:
        if not self._is_begun or version <= self._topic.version:
            return
        key, value, final = self._board.log[version - 1]
        fields = {"key": key, "value": value, "final": final, "version": version}
        self._topic.announce([Change(type="value", fields=fields, key=key, final=final)], version)

    def reset(self) -> None:
        self._is_begun = False
        self._topic.reset("backfill", self.rest)

    async def snapshot(self, history: int) -> Snapshot:
        await anyio.sleep(random.choice([0, 0, 0.001]))
        version, values = self._board.version, self._board.values
        self._board.reads += 1
        await anyio.sleep(random.choice([0, 0, 0.001]))
        self._board.announce(version)
        if not self._is_begun:
            self._is_begun = True
            self._topic.begin(self._board.epoch, version)
            for later in range(version + 1, self._board.announced + 1):
                self.hear(later)

        def fields(_: Sequence[Frame]) -> Mapping[str, object]:
            return {"values": values, "version": version, "history": history}

        return Snapshot(position(version), fields)

    def close(self) -> None:
        self._board.sources.discard(self)


class Boards:
    """The channel `board:`; a board is there when a test has made it."""

    def __init__(self) -> None:
        self.boards: dict[str, Board] = {}

    def __getitem__(self, name: str) -> Board:
        return self.boards.setdefault(name, Board())

    async def admit(self, name: str, principal: Principal) -> None:
        """Boards are market data; a secret one is for those who may write."""
        await checkpoint()
        if name.endswith("secret"):
            principal.require(Scope.WRITE)
        else:
            principal.require_market_data()

    async def open(self, topic: Topic) -> BoardSource:
        await checkpoint()
        name = topic.name.partition(":")[2]
        if name not in self.boards:
            raise NotFound(f"There is no board {name}.", code="unknown_symbol")
        return BoardSource(topic, self.boards[name])

    async def replay(self, name: str, start: object, end: object) -> "BoardRecording":
        await checkpoint()
        board = name.partition(":")[2]
        if board not in self.boards:
            raise NotFound(f"There is no board {board}.", code="unknown_symbol")
        if start == end:
            detail = "The end does not lie after the start."
            raise Invalid(detail, errors=[FieldError("/start", detail)])
        return BoardRecording(self.boards[board])


class BoardRecording:
    def __init__(self, board: Board) -> None:
        self._board = board
        self._read = 0

    async def read(self) -> Sequence[Past]:
        await checkpoint()
        self._board.reads += 1
        if self._read == len(self._board.past):
            return ()
        page = self._board.past[self._read]
        if isinstance(page, Unavailable):
            # The next one finds it mended.
            del self._board.past[self._read]
        if isinstance(page, TradeError):
            raise page
        self._read += 1
        return page


class BoardTopic(messages.TopicName):
    """`board:{name}`."""

    root: Annotated[str, Field(pattern="^board:")]


class BoardSnapshot(messages.Snapshot):
    example = """{"type": "snapshot", "topic": "board:a", "epoch": "e", "seq": 1023,
        "values": {"x": 1}, "version": 1, "history": 300}"""

    topic: BoardTopic
    values: dict[str, int]
    version: int
    history: int


class Value(messages.Update):
    example = """{"type": "value", "topic": "board:a", "seq": 2047, "prev": 1023, "key": "x",
        "value": 1, "final": false, "version": 2}"""

    type: Literal["value"]
    topic: BoardTopic
    key: str
    value: int
    final: bool
    version: int


class ReplayedValue(messages.Message):
    example = """{"type": "value", "topic": "board:a", "replay": "r1", "key": "x", "value": 1}"""

    type: Literal["value"]
    topic: BoardTopic
    replay: str
    key: str = "x"
    value: int = 0


MESSAGES = (BoardSnapshot, Value, ReplayedValue)
