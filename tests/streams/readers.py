"""Readers of boards at sockets without a network, who check all that they hear."""

import asyncio
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from starlette.types import Message
from starlette.websockets import WebSocket

from tests.streams.boards import Board, Boards
from tests.streams.documented import Frame, frame_of
from tradeapi.streams.connection import EXTENSION, Connection, Flow
from tradeapi.streams.hub import Hub
from tradeapi.streams.outlet import Outlet
from tradeapi.streams.positions import PLACES
from tradeapi.streams.router import stream
from tradeapi.web.principal import PRINCIPAL, Principal

NAMES = ("a", "b")
TOO_SLOW = 1013
ANYBODY = Principal(may_browse=True)


class Held:
    """One board as its reader has it, and what it may be told next."""

    def __init__(self, board: Board) -> None:
        self.epoch = ""
        self.seq = -1
        self.values: dict[str, int] = {}
        self.phase = "gone"
        self._board = board
        # Changes that were left out because a newer one of their key is to come.
        self._owed: dict[str, int] = {}

    @property
    def is_settled(self) -> bool:
        """It has not been asked for, or there is nothing that the reader does not know."""
        if self.phase == "gone":
            return True
        return self.phase == "following" and not self._owed and self.values == self._board.values

    def await_beginning(self, *, is_known: bool) -> None:
        """The server knows how far the reader is from now on, or because it has been told."""
        if self.phase == "gone" and not is_known:
            self.seq = -1
        self.phase = "awaiting"

    def hear(self, frame: Frame) -> None:
        match frame["type"]:
            case "snapshot":
                assert self.phase == "awaiting"
                assert frame["epoch"] != self.epoch or frame["seq"] >= self.seq
                assert frame["values"] == _values(self._board, frame["version"])
                self.epoch, self.values = frame["epoch"], frame["values"]
                self.seq, self.phase = frame["seq"], "following"
                self._owed.clear()
            case "resumed":
                assert self.phase == "awaiting"
                assert (frame["epoch"], frame["from"]) == (self.epoch, self.seq + 1)
                self.phase = "following"
            case "reset":
                assert self.phase != "gone"
                self.phase = "awaiting"
            case "error":
                self.phase = "gone"
            case "value":
                assert self.phase == "following"
                self._change(frame)

    def _change(self, frame: Frame) -> None:
        assert frame["prev"] < frame["seq"]
        assert frame["seq"] > self.seq
        before, version = self.seq // PLACES, frame["seq"] // PLACES
        for key, _, final in self._board.log[before : version - 1]:
            assert not final, "a final value is never left out"
            self._owed[key] = version
        change = frame["key"], frame["value"], frame["final"]
        assert change == self._board.log[version - 1]
        self.seq = frame["seq"]
        self.values = {**self.values, frame["key"]: frame["value"]}
        self._owed.pop(frame["key"], None)


def _values(board: Board, version: int) -> Mapping[str, int]:
    return {key: value for key, value, _ in board.log[:version]}


class Wire(Connection):
    """Both ends of a socket and no network between them.

    It takes as many frames as there is room for, and then no more until it is given more room.
    `code` is what the server has closed with.
    """

    def __init__(self, *, is_direct: bool) -> None:
        self.heard: list[str] = []
        self.code: int | None = None
        self._is_direct = is_direct
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._asked.put_nowait({"type": "websocket.connect"})
        self._flow: Flow | None = None
        self._room = math.inf
        self._has_room = asyncio.Event()
        self._has_room.set()

    def ask(self, **fields: object) -> None:
        self._asked.put_nowait({"type": "websocket.receive", "text": orjson.dumps(fields).decode()})

    def leave(self) -> None:
        self._asked.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def give(self, room: float) -> None:
        was_writable, self._room = self.is_writable, room
        if room and not was_writable:
            self._has_room.set()
            if self._flow is not None:
                self._flow.resume()
        elif was_writable:
            self._fill()

    async def receive(self) -> Message:
        return await self._asked.get()

    async def send(self, message: Message) -> None:
        await self._has_room.wait()
        assert self.code is None, "nothing follows a close"
        if message["type"] == "websocket.close":
            self.code = message["code"]
        elif message["type"] == "websocket.send":
            self._take(message["text"])

    def outlet(self, flow: Flow) -> Outlet | None:
        if not self._is_direct:
            return None
        self._flow = flow
        return self

    @property
    def is_writable(self) -> bool:
        return self._room > 0

    def write(self, frames: bytes) -> None:
        for text in _texts(frames):
            self._take(text)

    def _take(self, text: str) -> None:
        assert self.code is None, "nothing follows a close"
        was_writable = self.is_writable
        self._room -= 1
        self.heard.append(text)
        if was_writable:
            self._fill()

    def _fill(self) -> None:
        """Say so if there is no room any more."""
        if not self.is_writable:
            self._has_room.clear()
            if self._flow is not None:
                self._flow.pause()


def _texts(frames: bytes) -> Iterator[str]:
    """The payloads of a server's frames, each of which is whole."""
    while frames:
        length, begin = frames[1], 2
        if length == 126:
            length, begin = int.from_bytes(frames[2:4], "big"), 4
        yield frames[begin : begin + length].decode()
        frames = frames[begin + length :]


class Reader:
    """Comes again and again, and keeps what it has heard."""

    def __init__(self, hub: Hub, boards: Boards, *, is_direct: bool) -> None:
        self.held = {f"board:{name}": Held(boards[name]) for name in NAMES}
        self.wire = Wire(is_direct=is_direct)
        self._hub = hub
        self._is_direct = is_direct
        self._ids = itertools.count()
        self._asked: dict[int, dict[str, Any]] = {}
        self._visit: asyncio.Task[None] | None = None

    @property
    def is_here(self) -> bool:
        return self._visit is not None and not self._visit.done()

    @property
    def is_settled(self) -> bool:
        return not self._asked and all(held.is_settled for held in self.held.values())

    def come(self) -> None:
        scope = {
            "type": "websocket",
            "path": "/ws",
            "query_string": b"",
            "headers": [],
            "subprotocols": [],
            "extensions": {EXTENSION: self.wire},
            "state": {"hub": self._hub, "authenticator": None},
            PRINCIPAL: ANYBODY,
        }
        socket = WebSocket(scope, self.wire.receive, self.wire.send)
        self._visit = asyncio.create_task(stream(socket))

    def ask(self, op: str, topics: Sequence[str], **options: object) -> None:
        id = next(self._ids)
        self._asked[id] = {"op": op, "topics": topics, **options}
        self.wire.ask(id=id, **self._asked[id])

    def positions(self, topics: Sequence[str]) -> Mapping[str, object]:
        """Where it has stopped, unless something is under way that may move it."""
        moving = {topic for asked in self._asked.values() for topic in asked["topics"]}
        return {
            topic: {"epoch": held.epoch, "seq": held.seq}
            for topic, held in self.held.items()
            if topic in topics and topic not in moving and held.phase == "gone" and held.epoch
        }

    def read(self) -> None:
        """What has been heard by now, and whether that is the end."""
        heard, self.wire.heard = self.wire.heard, []
        for text in heard:
            self._hear(frame_of(text))
        if self._visit is not None and self._visit.done():
            assert self._visit.cancelled() or self._visit.exception() is None
            assert self.wire.code in {None, TOO_SLOW}
            self._visit = None
            self.wire = Wire(is_direct=self._is_direct)
            self._asked.clear()
            for held in self.held.values():
                held.phase = "gone"

    async def leave(self, *, abruptly: bool) -> None:
        """By itself, or because the server is cancelled in the middle of something."""
        if self._visit is None:
            return
        if abruptly:
            self._visit.cancel()
        else:
            self.wire.leave()
        self.wire.give(math.inf)
        await asyncio.wait([self._visit])

    def _hear(self, frame: Frame) -> None:
        if frame["type"] == "ack":
            asked = self._asked.pop(frame["id"])
            rejected = [one["topic"] for one in frame["rejected"]]
            assert sorted([*frame["topics"], *rejected]) == sorted(asked["topics"])
            for topic in frame["topics"]:
                if asked["op"] == "unsubscribe":
                    self.held[topic].phase = "gone"
                else:
                    self.held[topic].await_beginning(is_known=topic in asked["resume"])
        elif "topic" in frame:
            self.held[frame["topic"]].hear(frame)
