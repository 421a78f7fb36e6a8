"""Who gets a place, who waits for one, and who is refused."""

import asyncio

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.streams.waiting import until
from tradeapi.web.gate import PATIENCE_SECONDS, Gate, Rank
from tradeapi.web.shedding import Shedding

pytestmark = pytest.mark.anyio

SCOPE = {"type": "http", "tradeapi.request_id": "of-a-test"}


def gate_of(places: int, rank: Rank | None = Rank.GENERAL) -> Gate:
    return Gate(places, lambda _: rank)


def admits(gate: Gate) -> bool:
    """Whether somebody who has just arrived may ask for a place."""
    if gate.is_full and gate.refuses(SCOPE):
        return False
    gate.expect()
    return True


async def full(gate: Gate, rank: Rank = Rank.LOGIN) -> int:
    """How many places that rank could take."""
    taken = 0
    with anyio.move_on_after(0.01):
        while await gate.enter(rank):
            taken += 1
    return taken


async def test_some_places_are_for_those_who_go_first() -> None:
    """Exports have half of them, and logins all."""
    gate = gate_of(10)
    assert await full(gate, Rank.EXPORT) == 5
    assert await full(gate, Rank.GENERAL) == 4
    assert await full(gate, Rank.LOGIN) == 1


async def test_who_waits_gets_a_place_that_is_left() -> None:
    """Logins before others; of others the newest."""
    gate = gate_of(4)
    order: list[str] = []

    async def come(name: str, rank: Rank) -> None:
        assert await gate.enter(rank)
        order.append(name)

    assert await full(gate) == 4
    async with anyio.create_task_group() as tasks:
        for name, rank in (("old", Rank.GENERAL), ("new", Rank.GENERAL), ("login", Rank.LOGIN)):
            tasks.start_soon(come, name, rank)
            await anyio.wait_all_tasks_blocked()
        for _ in range(4):
            gate.leave()
    assert order == ["login", "new", "old"]


async def test_nobody_waits_for_long() -> None:
    """Then they are refused."""
    gate = gate_of(4)
    assert await full(gate) == 4
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(gate.enter(Rank.GENERAL)) for _ in range(4)]
    assert [task.result() for task in waiting] == [False] * 4


async def test_in_a_rush_many_may_wait() -> None:
    """For a moment."""
    gate = gate_of(4)
    assert await full(gate) == 4
    async with asyncio.TaskGroup() as tasks:
        for _ in range(60):
            tasks.create_task(gate.enter(Rank.GENERAL))
        await anyio.wait_all_tasks_blocked()
        assert not admits(gate)
        assert not await gate.enter(Rank.LOGIN)


async def test_in_a_crowd_few_may_wait() -> None:
    """When no place has been left free for longer than anyone waits."""
    gate = gate_of(4)
    assert await full(gate) == 4
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gate.enter(Rank.GENERAL))
        await anyio.sleep(PATIENCE_SECONDS / 2)
        for _ in range(4):
            tasks.create_task(gate.enter(Rank.GENERAL))
        await anyio.sleep(PATIENCE_SECONDS * 3 / 4)
        assert not admits(gate)
        assert not await gate.enter(Rank.GENERAL)
    assert not await gate.enter(Rank.GENERAL)


async def test_who_leaves_while_he_waits_takes_no_place() -> None:
    """Not even when it was his turn already."""
    gate = gate_of(4)
    assert await full(gate) == 4
    waiting = [asyncio.create_task(gate.enter(Rank.LOGIN)) for _ in range(2)]
    await anyio.wait_all_tasks_blocked()
    gate.leave()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await full(gate) == 1


async def test_at_the_door_only_those_are_refused_who_would_be_anyway() -> None:
    """As many are let in at once as may work and wait; logins always."""
    ordinary, login, exempt = gate_of(4), gate_of(4, Rank.LOGIN), gate_of(4, None)
    assert sum(admits(ordinary) for _ in range(100)) == 64
    assert all(admits(login) for _ in range(100))
    assert all(admits(exempt) for _ in range(100))
    await anyio.lowlevel.checkpoint()
    assert admits(ordinary)


async def test_slow_callers_keep_nobody_out() -> None:
    """While a body is arriving, or an answer is leaving, the place is another's."""
    gate = gate_of(4)
    stages: list[str] = []
    arrives, leaves = anyio.Event(), anyio.Event()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        stages.append("working")
        await send({"type": "http.response.start"})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        await arrives.wait()
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        await leaves.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(Shedding(app, gate=gate), SCOPE, receive, send)
        await anyio.wait_all_tasks_blocked()
        assert await _free(gate) == 4
        arrives.set()
        await until(lambda: len(stages) == 3)
        await anyio.wait_all_tasks_blocked()
        assert await _free(gate) == 4
        leaves.set()
    assert await _free(gate) == 4


async def test_who_listens_while_he_answers_gives_one_place_back() -> None:
    """As a download does, to hear when nobody reads it any more."""
    gate = gate_of(4)
    leaves = anyio.Event()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> None:
            await receive()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await anyio.wait_all_tasks_blocked()
            await send({"type": "http.response.start"})
            assert await _free(gate) == 4
            leaves.set()

    async def receive() -> Message:
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        pass

    await Shedding(app, gate=gate)(SCOPE, receive, send)
    assert await _free(gate) == 4


async def _free(gate: Gate) -> int:
    free = await full(gate)
    for _ in range(free):
        gate.leave()
    return free
