"""What becomes of news while Redis is restarted, emptied, hangs or hangs up."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.bus.echo import echo
from tests.bus.subjects import (
    ECHOES,
    KEY,
    KEYS,
    LETTERS,
    NUMBERS,
    degraded,
    hearing,
    hears,
    live,
    publishing,
    two,
)
from tests.servers.processes import free_port
from tests.servers.redis import call
from tests.streams.waiting import until
from tests.web.redis_process import RedisProcess, home, redis_process
from tradeapi.bus import outbox, partition
from tradeapi.bus.port import State, Subject
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.errors import NotStarted

pytestmark = pytest.mark.anyio

STREAM = "{tradeapi:p0}:bus"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RedisProcess]:
    with redis_process(tmp_path) as process:
        yield process


def readers(url: str) -> int:
    """How many connections wait for news."""
    return call(url, "CLIENT", "LIST").count(" flags=b ")


def count(what: str) -> float:
    return REGISTRY.get_sample_value(f"bus_events_{what}_total") or 0.0


async def test_readers_that_are_hung_up_on_lose_nothing(process: RedisProcess) -> None:
    """They go on where they were."""
    async with two(process.url) as (here, there), hearing(there, *KEYS) as heard:
        async with publishing(here) as published:
            for _ in range(10):
                await asyncio.sleep(0.05)
                call(process.url, "CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: set(published) <= set(heard))
        assert there.state.name == here.state.name == "live"


async def test_a_flush_under_load_is_survived(process: RedisProcess) -> None:
    """What was on its way is lost, and nothing else."""
    async with two(process.url) as (here, there), hearing(there, *KEYS) as heard:
        async with publishing(here) as published:
            for _ in range(10):
                await asyncio.sleep(0.05)
                call(process.url, "FLUSHALL")
        await hears(here, there, heard, 10_000)
        assert len(set(heard)) > len(published) / 2


@pytest.mark.parametrize("keeps", [False, True], ids=["empty", "append-only file"])
async def test_after_a_crash_of_redis_news_travels_again(tmp_path: Path, keeps: bool) -> None:
    """What was published meanwhile arrives, late."""
    with home() as folder, redis_process(tmp_path, folder if keeps else None) as process:
        async with two(process.url) as (here, there), hearing(there, *KEYS) as heard:
            async with publishing(here) as published:
                await until(lambda: len(heard) > 50)
                process.kill()
                down = len(published)
                await degraded(there)
                await degraded(here)
                up = len(published)
                process.start()
                await live(here, there)
            await until(lambda: set(published[down:]) <= set(heard))
            assert up - down > 100
            assert there.recent(NUMBERS, KEYS[0])[0] == 0 or not keeps


async def test_while_redis_hangs_news_waits(process: RedisProcess) -> None:
    """It says so; nothing is lost, some may be heard twice."""
    states: list[State] = []
    async with two(process.url) as (here, there), hearing(there, *KEYS) as heard:
        with there.observe(states.append):
            async with publishing(here) as published:
                process.hang()
                await asyncio.sleep(3)
                assert there.state.name == here.state.name == "degraded"
                process.go_on()
                await live(here, there)
        await until(lambda: set(published) <= set(heard))
    assert [state.name for state in states] == ["degraded", "live"]
    assert states[0].since < states[1].since == there.state.since


async def test_while_redis_is_a_replica_news_waits(process: RedisProcess) -> None:
    """It may have been a master, and become one again."""
    async with two(process.url) as (here, there), hearing(there, *KEYS) as heard:
        call(process.url, "REPLICAOF", "127.0.0.1", str(free_port()))
        async with publishing(here) as published:
            await degraded(here)
        call(process.url, "REPLICAOF", "NO", "ONE")
        await until(lambda: set(published) <= set(heard))
        await live(here)


async def test_ids_that_go_backwards_are_noticed(process: RedisProcess) -> None:
    """After a flush the clock of Redis may be behind the last id that was read."""
    async with two(process.url) as (here, there), hearing(there, KEYS[0]) as heard:
        await here.publish(NUMBERS, KEYS[0], 1)
        await until(lambda: heard == [1])
        call(process.url, "FLUSHALL")
        for number in (2, 3):
            fields = ("p", "somebody", "t", f"numbers:{KEYS[0]}", "d", str(number))
            call(process.url, "XADD", STREAM, f"{number}-1", *fields)
        await until(lambda: heard == [1, 2, 3], 4)
        call(process.url, "XADD", STREAM, "4-1", *fields)
        await until(lambda: heard == [1, 2, 3, 3], 1)


async def test_what_is_trimmed_before_it_is_read_is_left_out(
    process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that stood still goes on with the oldest that is there."""
    monkeypatch.setattr(partition, "MOST_KEPT", 200)
    with echo(process.url) as reader:
        async with RedisBus(process.url) as bus, hearing(bus, KEY, subject=ECHOES) as echoes:
            await bus.publish(NUMBERS, KEY, 0)
            await until(lambda: echoes == [0])
            reader.send_signal(signal.SIGSTOP)
            before = count("published")
            for number in range(1, 3001):
                await bus.publish(NUMBERS, KEY, number)
            await until(lambda: count("published") == before + 3000)
            reader.send_signal(signal.SIGCONT)
            await until(lambda: 3000 in echoes)
            # Some may have been on their way.
            [hole] = (at for at in range(1, len(echoes)) if echoes[at] != echoes[at - 1] + 1)
            gone_on = echoes[hole:]
            assert gone_on == list(range(gone_on[0], 3001))
            assert 200 <= len(gone_on) < 600


async def test_what_there_is_at_first_is_read_in_parts(
    process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, and in order; what is too much to be held is not read."""
    monkeypatch.setattr(partition, "MOST_TOGETHER", 2)
    for number, id in enumerate(("1-0", "1-1", "2-0", "2-1", "4-0")):
        call(process.url, "XADD", STREAM, id, "p", "x", "t", "numbers:1", "d", str(number))
    async with RedisBus(process.url) as bus, hearing(bus, "1"):
        assert bus.recent(NUMBERS, "1") == [0, 1, 2, 3, 4]
    monkeypatch.setattr(partition, "MOST_HELD_BYTES", 1000)
    for _ in range(5):
        call(process.url, "XADD", STREAM, "*", "p", "x", "t", "numbers:1", "d", "9" * 600)
    call(process.url, "CONFIG", "RESETSTAT")
    async with RedisBus(process.url) as bus, hearing(bus, "1"):
        assert bus.recent(NUMBERS, "1") == [int("9" * 600)]
    assert "cmdstat_xrevrange:calls=1," in call(process.url, "INFO", "commandstats")


async def test_processes_hear_each_other(redis_url: str) -> None:
    """There and back again."""
    with echo(redis_url):
        async with RedisBus(redis_url) as bus, hearing(bus, KEY, subject=ECHOES) as echoes:
            for number in range(100):
                await bus.publish(NUMBERS, KEY, number)
            await until(lambda: len(echoes) == 100)
            assert echoes == list(range(100))


async def test_publishing_waits_for_nobody(process: RedisProcess) -> None:
    """Not even for a moment, whether Redis works, hangs or is dead."""

    def waits() -> bool:
        coroutine = bus.publish(NUMBERS, "a", 1)
        try:
            coroutine.send(None)
        except StopIteration:
            return False
        coroutine.close()
        return True

    async with RedisBus(process.url) as bus:
        assert not waits()
        process.hang()
        await degraded(bus)
        assert not waits()
        process.kill()
        assert not waits()


async def test_what_can_not_be_sent_is_bounded(
    process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest wait, by number and by size, and those that had to go are counted."""
    monkeypatch.setattr(outbox, "MOST_WAITING", 1000)
    async with two(process.url) as (here, there), hearing(there, "a") as heard:
        process.hang()
        before = count("dropped")
        for number in range(3000):
            await here.publish(NUMBERS, "a", number)
        assert count("dropped") - before == 2000
        process.go_on()
        await until(lambda: heard[-1:] == [2999])
        assert heard == list(range(2000, 3000))
        process.hang()
        monkeypatch.setattr(outbox, "MOST_BYTES", 10_000)
        for _ in range(30):
            await here.publish(LETTERS, "a", "x" * 1000)
        assert count("dropped") - before == 2000 + 21
        process.kill()


async def test_it_is_read_while_a_key_is_followed(
    process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By how many ever, once; and for a while longer."""
    monkeypatch.setattr(partition, "LINGER_SECONDS", 0.5)
    monkeypatch.setattr(partition, "BLOCK_MILLISECONDS", 100)

    async def are_reading(number: int) -> None:
        await until(lambda: readers(process.url) == number)

    async with RedisBus(process.url) as bus:
        for key in ("a", "a", "b"):
            bus.follow(NUMBERS, key)
            await bus.ready(NUMBERS, key)
        await are_reading(1)
        bus.unfollow(NUMBERS, "b")
        bus.unfollow(NUMBERS, "a")
        await asyncio.sleep(0.7)
        await are_reading(1)
        bus.unfollow(NUMBERS, "a")
        await asyncio.sleep(0.3)
        bus.follow(NUMBERS, "a")
        await asyncio.sleep(0.7)
        await are_reading(1)
        bus.unfollow(NUMBERS, "a")
        await are_reading(0)
        bus.follow(NUMBERS, "a")
        await bus.ready(NUMBERS, "a")
        await are_reading(1)


async def test_only_what_is_followed_is_read(redis_url: str) -> None:
    """Other keys pass by unopened."""
    opened: list[bytes] = []

    def decode(payload: bytes) -> str:
        opened.append(payload)
        return payload.decode()

    subject = Subject("letters", str.encode, decode)
    async with two(redis_url) as (here, there):
        there.follow(subject, "a")
        await there.ready(subject, "a")
        for number in range(100):
            await here.publish(subject, f"other {number}", "b")
        await here.publish(subject, "a", "a")
        await until(lambda: bool(opened))
    assert opened == [b"a"]


async def test_what_nobody_understands_is_left_out(redis_url: str) -> None:
    """One line says so, however much of it there is; entries that are not ours are none."""
    async with two(redis_url) as (here, there), hearing(there, "a") as heard:
        words: Subject[str] = Subject("numbers", str.encode, bytes.decode)
        before = count("dropped")
        with capture_logs() as logs:
            for word in ("one", "two", "3"):
                await here.publish(words, "a", word)
            await until(lambda: heard == [3])
        assert [log["event"] for log in logs] == ["bus.unreadable"]
        assert count("dropped") - before == 2
        call(redis_url, "XADD", STREAM, "*", "a", "b")
        await here.publish(NUMBERS, "a", 4)
        await until(lambda: heard == [3, 4])


async def test_what_can_not_be_written_hurts_no_publisher(redis_url: str) -> None:
    """Who listens here has heard it."""

    def fail(_: str) -> bytes:
        raise ValueError

    heard: list[str] = []
    subject = Subject("letters", fail, bytes.decode)
    async with RedisBus(redis_url) as bus:
        with bus.subscribe(subject, heard.append), capture_logs() as logs:
            await bus.publish(subject, "a", "a")
    assert heard == ["a"]
    assert [log["event"] for log in logs] == ["bus.unwritable"]


async def test_it_starts_without_redis() -> None:
    """Degraded, and what is published here is heard here."""
    async with RedisBus(f"redis://127.0.0.1:{free_port()}") as bus, hearing(bus, "a") as heard:
        assert bus.state.name == "degraded"
        await bus.publish(NUMBERS, "a", 1)
        assert heard == [1]
        assert bus.recent(NUMBERS, "a") == []


async def test_what_is_published_last_is_sent(redis_url: str) -> None:
    """Who leaves right after it takes the time."""
    async with RedisBus(redis_url) as there, hearing(there, "a") as heard:
        async with RedisBus(redis_url) as here:
            for number in range(500):
                await here.publish(NUMBERS, "a", number)
        await until(lambda: len(heard) == 500)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "redis://127.0.0.1:port", "redis://127.0.0.1/1?cluster=true"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """In words that quote no password."""
    with pytest.raises(NotStarted, match="REDIS_URL: "):
        RedisBus(url)
