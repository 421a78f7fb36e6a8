"""Thousands who come at once, and again and again at once."""

import asyncio
import itertools
import random
from collections import Counter
from pathlib import Path

import anyio
import anyio.to_thread
import orjson
import pytest

from tests.hostile.serving import serve
from tests.hostile.test_crowds import MEGABYTE, SYMBOLS, TOPICS, assert_empty, trade
from tests.hostile.wire import CLOSE, HOST, PING, TEXT, UPGRADE, frame, say

pytestmark = pytest.mark.anyio

CLIENTS = 2000
PONG = 10
OVERLOADED = 1013


class Regular:
    """Follows one topic at each visit, from where it was at the one before.

    `kinds` are those of the frames it began with.
    """

    def __init__(self, address: tuple[str, int], topic: str) -> None:
        self.is_here = False
        self.kinds: Counter[str] = Counter()
        self._address = address
        self._topic = topic
        self._resume: dict[str, dict[str, object]] = {}

    async def visit(self) -> None:
        """Until it is cancelled; who is told that there is too much to do tries again."""
        while True:
            reader, writer = await asyncio.open_connection(*self._address)
            try:
                await self._follow(reader, writer)
            finally:
                writer.transport.abort()
            await anyio.sleep(random.uniform(0, 0.5))

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = say(op="subscribe", topics=[self._topic], history=10, resume=self._resume)
        writer.write(b"GET /ws" + HOST + UPGRADE + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        writer.write(asked)
        while True:
            code, data = await _frame(reader)
            if code == PING:
                writer.write(frame(PONG, data))
            elif code == CLOSE:
                assert int.from_bytes(data[:2], "big") == OVERLOADED
                return
            elif code == TEXT:
                self._hear(orjson.loads(data))

    def _hear(self, told: dict[str, object]) -> None:
        if told["type"] in {"snapshot", "resumed"}:
            self.is_here = True
            self.kinds[str(told["type"])] += 1
        if told["type"] == "snapshot":
            self._resume = {self._topic: {"epoch": told["epoch"], "seq": told["seq"]}}
        elif "seq" in told:
            self._resume[self._topic] = {**self._resume[self._topic], "seq": told["seq"]}


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(2)
    length = head[1]
    if length > 125:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    return head[0] & 0x0F, await reader.readexactly(length)


async def test_thousands_come_at_once_and_come_back(sqlite_url: str, tmp_path: Path) -> None:
    """All are let in, or told to try again; who comes back goes on where he stopped, and in the end
    nothing of anybody has stayed.
    """
    with serve(sqlite_url, tmp_path, WEBSOCKET_CONNECTIONS_PER_USER="5000") as server:
        for symbol in SYMBOLS:
            server.put(f"/symbols/{symbol}")
        trade(server, 0)
        topics = itertools.islice(itertools.cycle(TOPICS), CLIENTS)
        regulars = [Regular(server.address, topic) for topic in topics]
        memory = 0
        for number in range(4):
            async with anyio.create_task_group() as tasks:
                for one in regulars:
                    one.is_here = False
                    tasks.start_soon(one.visit)
                with anyio.fail_after(120):
                    while not all(one.is_here for one in regulars):  # noqa: ASYNC110  nobody tells
                        await anyio.sleep(0.1)
                await anyio.to_thread.run_sync(trade, server, number)
                memory = memory or server.memory
                tasks.cancel_scope.cancel()
        assert server.memory - memory < 20 * MEGABYTE
        kinds = sum((one.kinds for one in regulars), Counter())
        assert kinds == {"snapshot": CLIENTS, "resumed": 3 * CLIENTS}
        assert_empty(server)
