"""Events on their way to Redis."""

import asyncio
from collections import deque
from typing import Never

from tradeapi.bus.link import GATHER_SECONDS, Command, Link, pause
from tradeapi.bus.pulse import Pulse
from tradeapi.metrics import BUS_DROPPED, BUS_PUBLISHED

MOST_WAITING = 10_000
MOST_BYTES = 8 * 1024 * 1024
MOST_TOGETHER = 200


class Outbox:
    """Bounded: while Redis does not take them, the oldest go; `run` is to be a task."""

    def __init__(self, name: str, link: Link, pulse: Pulse) -> None:
        self._name = name
        self._link = link
        self._pulse = pulse
        self._waiting: deque[tuple[Command, int]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.is_empty.set()

    def put(self, command: Command, size: int) -> None:
        """The command that adds the event to its stream, and how many bytes it has."""
        self._waiting.append((command, size))
        self._bytes += size
        self._drop_oldest()
        self._pulse.wait(self._name)
        self.is_empty.clear()
        self._filled.set()

    async def run(self) -> Never:
        failures = 0
        while True:
            await self._filled.wait()
            try:
                count = await self._send()
                failures = 0
                if count < MOST_TOGETHER:
                    await asyncio.sleep(GATHER_SECONDS)
            except Exception as error:  # noqa: BLE001  whatever it is, the next may be taken
                failures += 1
                self._pulse.fail(error)
                await asyncio.sleep(pause(failures))

    async def _send(self) -> int:
        """What is waiting, but not more than so much of it at once; how many that was."""
        batch = self._take()
        try:
            refused = await self._deliver([command for command, _ in batch])
        except Exception:
            self._put_back(batch)
            await self._link.renew()
            raise
        BUS_PUBLISHED.inc(len(batch) - refused)
        BUS_DROPPED.inc(refused)
        self._pulse.beat(self._name)
        if not self._waiting:
            self._rest()
        return len(batch)

    async def _deliver(self, commands: list[Command]) -> int:
        """How many were refused; raises if all were, since then it is not for what is in them."""
        answers = await self._link.send(commands)
        refusals = [answer for answer in answers if isinstance(answer, Exception)]
        if refusals and len(refusals) == len(commands):
            raise refusals[0]
        return len(refusals)

    def _take(self) -> list[tuple[Command, int]]:
        count = min(MOST_TOGETHER, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(count)]
        self._bytes -= sum(size for _, size in batch)
        return batch

    def _put_back(self, batch: list[tuple[Command, int]]) -> None:
        self._waiting.extendleft(reversed(batch))
        self._bytes += sum(size for _, size in batch)
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
            _, size = self._waiting.popleft()
            self._bytes -= size
            BUS_DROPPED.inc()

    def _rest(self) -> None:
        self._filled.clear()
        self.is_empty.set()
        self._pulse.rest(self._name)
