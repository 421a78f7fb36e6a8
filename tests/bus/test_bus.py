"""Every adapter of the bus keeps the same promises."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.bus.subjects import LETTERS, NUMBERS, two
from tests.streams.waiting import until
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "redis", "redis cluster"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bus, Bus]]:
    """Where events are published, and where they are heard: of one process in memory."""
    if request.param == "memory":
        bus = MemoryBus()
        yield bus, bus
        return
    fixture = {"redis": "redis_url", "redis cluster": "redis_cluster_url"}[request.param]
    async with two(request.getfixturevalue(fixture)) as pair:
        yield pair


@pytest.fixture
def bus(buses: tuple[Bus, Bus]) -> Bus:
    return buses[0]


@pytest.fixture
def key() -> str:
    """Of this test alone: the nodes of a cluster are there for all."""
    return secrets.token_hex(8)


async def test_a_listener_hears_what_is_published_in_order(bus: Bus, key: str) -> None:
    """Events of one publisher arrive as they were sent, before it goes on."""
    heard: list[str] = []
    with bus.subscribe(LETTERS, heard.append):
        for letter in "abc":
            await bus.publish(LETTERS, key, letter)
        assert heard == ["a", "b", "c"]


async def test_every_listener_of_a_subject_hears_an_event(bus: Bus, key: str) -> None:
    """An event is for all who listen, also for one who listens twice."""
    heard: list[str] = []
    with bus.subscribe(LETTERS, heard.append), bus.subscribe(LETTERS, heard.append):
        await bus.publish(LETTERS, key, "a")
    assert heard == ["a", "a"]


async def test_other_subjects_are_not_heard(bus: Bus, key: str) -> None:
    """A listener hears its subject only."""
    heard: list[str] = []
    with bus.subscribe(LETTERS, heard.append):
        await bus.publish(NUMBERS, key, 1)
    assert heard == []


async def test_after_the_context_nothing_is_heard(bus: Bus, key: str) -> None:
    """Leaving the context ends the subscription, and only that one."""
    stays: list[str] = []
    leaves: list[str] = []
    with bus.subscribe(LETTERS, stays.append):
        with bus.subscribe(LETTERS, leaves.append):
            await bus.publish(LETTERS, key, "a")
        await bus.publish(LETTERS, key, "b")
    await bus.publish(LETTERS, key, "c")
    assert (stays, leaves) == (["a", "b"], ["a"])


async def test_a_failing_listener_hurts_nobody(bus: Bus, key: str) -> None:
    """The publisher has committed already, and the others wait for the news."""
    heard: list[str] = []

    def fail(letter: str) -> None:
        raise ValueError(letter)

    with bus.subscribe(LETTERS, fail), bus.subscribe(LETTERS, heard.append), capture_logs() as logs:
        await bus.publish(LETTERS, key, "a")
    assert heard == ["a"]
    assert [log["event"] for log in logs] == ["bus.listener_failed"]


async def test_a_followed_key_is_heard_elsewhere_in_order(buses: tuple[Bus, Bus], key: str) -> None:
    """Once it is ready, every event, and each once."""
    here, there = buses
    heard: list[int] = []
    there.follow(NUMBERS, key)
    await there.ready(NUMBERS, key)
    with there.subscribe(NUMBERS, heard.append):
        for number in range(1000):
            await here.publish(NUMBERS, key, number)
        await until(lambda: len(heard) >= 1000)
        await asyncio.sleep(0.05)
    assert heard == list(range(1000))
    there.unfollow(NUMBERS, key)


async def test_everybody_hears_everybody(buses: tuple[Bus, Bus], key: str) -> None:
    """What was published here comes back to nobody here."""
    heard: tuple[list[int], list[int]] = ([], [])
    keys = [f"{key} {number}" for number in range(20)]
    for bus in buses:
        for one in keys:
            bus.follow(NUMBERS, one)
            await bus.ready(NUMBERS, one)
    with buses[0].subscribe(NUMBERS, heard[0].append), buses[1].subscribe(NUMBERS, heard[1].append):
        for number in range(500):
            await buses[number % 2].publish(NUMBERS, keys[number % 20], number)
        await until(lambda: min(map(len, heard)) >= 500)
        await asyncio.sleep(0.05)
    assert [sorted(numbers) for numbers in heard] == [list(range(500))] * 2


async def test_the_recent_events_of_a_key_are_its_own_in_order(
    buses: tuple[Bus, Bus], key: str
) -> None:
    """However many there are still: those of the memory are none."""
    here, there = buses
    for number in range(10):
        await here.publish(NUMBERS, key, number)
        await here.publish(NUMBERS, f"{key} too", -number)
    there.follow(NUMBERS, key)
    await there.ready(NUMBERS, key)
    if here is not there:
        await until(lambda: len(there.recent(NUMBERS, key)) == 10)
    assert there.recent(NUMBERS, key) in ([], list(range(10)))
    assert there.recent(LETTERS, key) == []
    there.unfollow(NUMBERS, key)


async def test_a_bus_that_works_is_live(buses: tuple[Bus, Bus]) -> None:
    """From the start."""
    assert [bus.state.name for bus in buses] == ["live", "live"]
