"""Every adapter of the bus keeps the same promises."""

import pytest
from structlog.testing import capture_logs

from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus, Subject

pytestmark = pytest.mark.anyio

LETTERS: Subject[str] = Subject("letters")
NUMBERS: Subject[int] = Subject("numbers")


@pytest.fixture(params=["memory"])
async def bus(request: pytest.FixtureRequest) -> Bus:
    adapters = {"memory": MemoryBus}
    return adapters[request.param]()


async def test_a_listener_hears_what_is_published_in_order(bus: Bus) -> None:
    """Events of one publisher arrive as they were sent."""
    heard: list[str] = []
    with bus.subscribe(LETTERS, heard.append):
        for letter in "abc":
            await bus.publish(LETTERS, letter)
    assert heard == ["a", "b", "c"]


async def test_every_listener_of_a_subject_hears_an_event(bus: Bus) -> None:
    """An event is for all who listen, also for one who listens twice."""
    heard: list[str] = []
    with bus.subscribe(LETTERS, heard.append), bus.subscribe(LETTERS, heard.append):
        await bus.publish(LETTERS, "a")
    assert heard == ["a", "a"]


async def test_other_subjects_are_not_heard(bus: Bus) -> None:
    """A listener hears its subject only."""
    heard: list[str] = []
    with bus.subscribe(LETTERS, heard.append):
        await bus.publish(NUMBERS, 1)
    assert heard == []


async def test_after_the_context_nothing_is_heard(bus: Bus) -> None:
    """Leaving the context ends the subscription, and only that one."""
    stays: list[str] = []
    leaves: list[str] = []
    with bus.subscribe(LETTERS, stays.append):
        with bus.subscribe(LETTERS, leaves.append):
            await bus.publish(LETTERS, "a")
        await bus.publish(LETTERS, "b")
    await bus.publish(LETTERS, "c")
    assert (stays, leaves) == (["a", "b"], ["a"])


async def test_a_failing_listener_hurts_nobody(bus: Bus) -> None:
    """The publisher has committed already, and the others wait for the news."""
    heard: list[str] = []

    def fail(letter: str) -> None:
        raise ValueError(letter)

    with bus.subscribe(LETTERS, fail), bus.subscribe(LETTERS, heard.append), capture_logs() as logs:
        await bus.publish(LETTERS, "a")
    assert heard == ["a"]
    assert [log["event"] for log in logs] == ["bus.listener_failed"]
