"""Events on their way to Redis, where none of them can be sent."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.streams.waiting import until
from tradeapi.bus.link import Command
from tradeapi.bus.outbox import MOST_BYTES, Outbox
from tradeapi.bus.pulse import Pulse

pytestmark = pytest.mark.anyio


class Taking:
    """A link that takes whatever it is sent."""

    partitions = 1

    async def ask(self, key: str, *words: str | bytes | int) -> None: ...

    async def send(self, commands: Sequence[Command]) -> list[object]:
        return [b"1-0" for _ in commands]

    async def renew(self) -> None: ...

    async def aclose(self) -> None: ...


async def test_an_event_that_is_too_big_is_dropped_and_hurts_no_other() -> None:
    """Nothing is left to wait for, and the bus is not called away for it."""
    outbox = Outbox("outbox", Taking(), Pulse(lambda _: None))
    sending = asyncio.create_task(outbox.run())
    outbox.put(("XADD", "stream"), MOST_BYTES + 1)
    assert not outbox.is_empty.is_set()
    await until(outbox.is_empty.is_set)
    sending.cancel()
