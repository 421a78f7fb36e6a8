"""Counts that end by themselves: in memory and in Redis, which must come to the same."""

from collections.abc import AsyncIterator

import anyio
import pytest

from tests.servers.processes import free_port
from tradeapi.auth.counters import Counters
from tradeapi.redis import Redis


@pytest.fixture(params=["memory", "redis", "redis that is away"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    """Where Redis is away, each process counts for itself."""
    if request.param == "memory":
        yield Counters(None)
        return
    is_there = request.param == "redis"
    url = request.getfixturevalue("redis_url") if is_there else f"redis://127.0.0.1:{free_port()}"
    async with Redis(url) as redis:
        yield Counters(redis)


async def test_a_count_begins_and_ends(counters: Counters) -> None:
    """Its end does not move with what is counted meanwhile."""
    assert await counters.read("a") == (0, 0.0)
    assert await counters.increase("a", 1) == 1
    await anyio.sleep(0.2)
    assert await counters.increase("a", 1) == 2
    count, seconds = await counters.read("a")
    assert count == 2
    assert 0 < seconds <= 1
    assert await counters.read("b") == (0, 0.0)
    await anyio.sleep(1)
    assert await counters.read("a") == (0, 0.0)


async def test_a_count_can_be_ended(counters: Counters) -> None:
    """It begins again then."""
    await counters.increase("a", 60)
    await counters.increase("b", 60)
    await counters.clear("a")
    assert await counters.increase("a", 60) == 1
    assert (await counters.read("b"))[0] == 1
