"""What becomes of those who ask Redis while it is dead, hangs or is busy."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.servers.processes import free_port
from tests.web.redis_process import RedisProcess, redis_process
from tradeapi import redis as module
from tradeapi.redis import CONNECTIONS, Away, Redis


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RedisProcess]:
    with redis_process(tmp_path) as process:
        yield process


@pytest.fixture
async def redis(process: RedisProcess) -> AsyncIterator[Redis]:
    async with Redis(process.url) as redis:
        yield redis


async def seconds_to_away(redis: Redis) -> float:
    started = time.perf_counter()
    with pytest.raises(Away):
        await redis.ping()
    return time.perf_counter() - started


async def test_it_answers(redis_url: str) -> None:
    """With a password and the number of a database."""
    async with Redis(redis_url, patience=5) as redis:
        await redis.ping()
        await redis.ask(redis.client.execute_command, "SET", "a", "1")
        assert await redis.ask(redis.client.execute_command, "GET", "a") == b"1"


async def test_one_that_is_not_there_costs_nothing() -> None:
    """Nobody listens; we start all the same."""
    async with Redis(f"redis://127.0.0.1:{free_port()}") as redis:
        assert await seconds_to_away(redis) < 0.5
        assert await seconds_to_away(redis) < 0.05


async def test_one_that_hangs_is_left_alone(process: RedisProcess, redis: Redis) -> None:
    """However many ask: those who wait already wait no longer, the others not at all."""
    await redis.ping()
    process.hang()
    assert max(await asyncio.gather(*(seconds_to_away(redis) for _ in range(200)))) < 0.5
    assert max(await asyncio.gather(*(seconds_to_away(redis) for _ in range(200)))) < 0.1


async def test_one_caller_tries_for_all(
    process: RedisProcess, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the rest is over and Redis still hangs, the others do not wait for it."""
    monkeypatch.setattr(module, "REST_SECONDS", 0.3)
    process.hang()
    await seconds_to_away(redis)
    await asyncio.sleep(0.4)
    waits = await asyncio.gather(*(seconds_to_away(redis) for _ in range(20)))
    assert waits[0] > 0.09
    assert max(waits[1:]) < 0.09


@pytest.mark.parametrize("fault", ["hang", "kill"])
async def test_it_is_noticed_when_it_is_back(
    process: RedisProcess, redis: Redis, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Without a restart of ours; one line says that it went, one that it is back."""
    monkeypatch.setattr(module, "REST_SECONDS", 0.2)
    await redis.ping()
    with capture_logs() as logs:
        getattr(process, fault)()
        for _ in range(3):
            await seconds_to_away(redis)
            await asyncio.sleep(0.25)
        process.go_on() if fault == "hang" else process.start()
        await redis.ping()
        await redis.ping()
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("redis.away", "warning"),
        ("redis.back", "info"),
    ]


async def test_what_it_refuses_counts_as_away(redis: Redis) -> None:
    """It may be out of memory, or a replica that takes no writes: callers have one case."""
    with pytest.raises(Away):
        await redis.ask(redis.client.execute_command, "NOSUCHCOMMAND")


async def test_a_crowd_shares_a_few_connections(process: RedisProcess) -> None:
    """A thousand connections would take longer to open than all the questions take."""
    async with Redis(process.url, patience=5) as redis:
        await asyncio.gather(*(redis.ping() for _ in range(1000)))
        clients = await redis.ask(redis.client.execute_command, "CLIENT", "LIST")
    assert clients.count(b"name=") <= CONNECTIONS


async def test_a_caller_who_leaves_frees_its_place(process: RedisProcess) -> None:
    """And what Redis answers it then goes to nobody else."""
    async with Redis(process.url, patience=5) as redis:
        process.hang()
        callers = [asyncio.create_task(redis.ping()) for _ in range(CONNECTIONS * 2)]
        await asyncio.sleep(0.1)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        process.go_on()
        echo = redis.client.execute_command
        words = [str(number).encode() for number in range(CONNECTIONS * 2)]
        answers = await asyncio.gather(*(redis.ask(echo, "ECHO", word) for word in words))
        assert answers == words
