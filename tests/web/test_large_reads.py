"""Reads of very much take turns."""

import asyncio
from collections import Counter

import anyio

from tradeapi.web.large_reads import AT_ONCE, OF_ONE_CALLER, LargeReads


async def settle() -> None:
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def test_so_many_read_at_once_and_of_one_caller_fewer() -> None:
    """However many ask; each has its turn in the end."""
    reads, reading, most = LargeReads(), Counter[str](), Counter[str]()

    async def read(caller: str) -> None:
        async with reads.turn(caller):
            reading[caller] += 1
            most[caller] = max(most[caller], reading[caller])
            most["all"] = max(most["all"], reading.total())
            await settle()
            reading[caller] -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            for caller in "abc":
                tasks.start_soon(read, caller)
    assert most == {"all": AT_ONCE, **dict.fromkeys("abc", OF_ONE_CALLER)}


async def test_who_asks_for_many_keeps_nobody_else_waiting() -> None:
    """Half of the turns are never one caller's."""
    reads, done = LargeReads(), anyio.Event()

    async def read() -> None:
        async with reads.turn("greedy"):
            await done.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(read)
        await settle()
        async with reads.turn("modest"):
            done.set()


async def test_who_leaves_while_waiting_takes_no_turn() -> None:
    """A client that hangs up."""
    reads = LargeReads()

    async def read() -> None:
        async with reads.turn("one"):
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(read)
        await settle()
        tasks.cancel_scope.cancel()
    both = asyncio.Barrier(OF_ONE_CALLER)

    async def meet() -> None:
        async with reads.turn("one"):
            await both.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(OF_ONE_CALLER):
            tasks.start_soon(meet)
