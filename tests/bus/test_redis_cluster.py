"""What becomes of news while the nodes of a Redis Cluster change places, or one of them hangs."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from zlib import crc32

import psutil
import pytest

from tests.bus.subjects import KEYS, NUMBERS, degraded, hearing, hears, live, publishing, two
from tests.servers.processes import Servers
from tests.servers.redis import call
from tests.streams.waiting import until
from tests.web.redis_process import home
from tradeapi.bus.link import PARTITIONS_OF_CLUSTER

pytestmark = pytest.mark.anyio

STREAM = "{tradeapi:p3}:bus"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Of these tests alone."""
    with home() as folder:
        servers = Servers(folder)
        try:
            yield servers.start("redis-cluster")
        finally:
            servers.stop()


class Node:
    """One of the cluster's, by its line in what they know of each other."""

    def __init__(self, cluster: str, line: str) -> None:
        self.id, address = line.split()[:2]
        self.host, self.port = address.partition("@")[0].split(":")
        parts = urlsplit(cluster)
        self.password = parts.password or ""
        self.url = f"redis://:{self.password}@{self.host}:{self.port}/0"
        self._slots = [
            range(int(first), int(last or first) + 1)
            for first, last in re.findall(
                r" (\d+)(?:-(\d+))?(?= |$)", line.partition("connected")[2]
            )
        ]

    def has(self, slot: int) -> bool:
        return any(slot in slots for slots in self._slots)

    def process(self) -> psutil.Process:
        found = re.search(r"process_id:(\d+)", call(self.url, "INFO", "server"))
        assert found is not None
        return psutil.Process(int(found[1]))


def nodes(cluster: str) -> list[Node]:
    return [Node(cluster, line) for line in call(cluster, "CLUSTER", "NODES").splitlines()]


def slot_of(cluster: str, key: str) -> int:
    return int(call(cluster, "CLUSTER", "KEYSLOT", key))


def test_the_keys_are_of_all_partitions() -> None:
    """So that no test leaves one out."""
    numbers = [crc32(f"numbers:{key}".encode()) % PARTITIONS_OF_CLUSTER for key in KEYS]
    assert numbers == list(range(PARTITIONS_OF_CLUSTER))


async def test_a_partition_that_moves_is_followed(cluster: str) -> None:
    """To another node, with all that is in it, while it is written and read."""
    slot = slot_of(cluster, STREAM)
    async with two(cluster) as (here, there), hearing(there, *KEYS) as heard:
        async with publishing(here) as published:
            await until(lambda: len(published) > 50)
            [old] = [node for node in nodes(cluster) if node.has(slot)]
            new, _ = others = [node for node in nodes(cluster) if not node.has(slot)]
            call(new.url, "CLUSTER", "SETSLOT", str(slot), "IMPORTING", old.id)
            call(old.url, "CLUSTER", "SETSLOT", str(slot), "MIGRATING", new.id)
            place = (new.host, new.port, STREAM, "0", "5000", "AUTH", new.password)
            call(old.url, "MIGRATE", *place)
            before = len(published)
            await until(lambda: len(published) > before + 50)
            for node in (new, old, *others):
                call(node.url, "CLUSTER", "SETSLOT", str(slot), "NODE", new.id)
            before = len(published)
            await until(lambda: len(published) > before + 50)
        await until(lambda: set(published) <= set(heard))
        await hears(here, there, heard, 10_000)


async def test_a_node_that_hangs_holds_up_no_other(cluster: str) -> None:
    """What its partitions carry comes when it is back."""
    slots = {number: slot_of(cluster, f"{{tradeapi:p{number}}}:bus") for number in range(8)}
    async with two(cluster) as (here, there), hearing(there, *KEYS) as heard:
        await hears(here, there, heard, 0)
        node = next(node for node in nodes(cluster) if node.has(slots[3]))
        process = node.process()
        process.suspend()
        try:
            await degraded(there)
            numbers = list(range(100, 108))
            for number, key in zip(numbers, KEYS, strict=True):
                await here.publish(NUMBERS, key, number)
            elsewhere = {100 + number for number, slot in slots.items() if not node.has(slot)}
            await until(lambda: elsewhere <= set(heard))
            assert set(heard) <= {*range(8), *elsewhere}
        finally:
            process.resume()
        await until(lambda: set(numbers) <= set(heard), 10)
        await hears(here, there, heard, 200)


async def test_nodes_that_hang_up_lose_nothing(cluster: str) -> None:
    """All of them, again and again."""
    async with two(cluster) as (here, there), hearing(there, *KEYS) as heard:
        async with publishing(here) as published:
            for _ in range(5):
                before = len(published)
                await until(lambda: len(published) > before + 20)  # noqa: B023
                for node in nodes(cluster):
                    call(node.url, "CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: set(published) <= set(heard))
        await live(here, there)


async def test_a_stream_that_is_none_holds_up_no_other(cluster: str) -> None:
    """What its node refuses comes when it is gone."""
    [node] = [node for node in nodes(cluster) if node.has(slot_of(cluster, STREAM))]
    async with two(cluster) as (here, there), hearing(there, *KEYS) as heard:
        call(node.url, "DEL", STREAM)
        call(node.url, "SET", STREAM, "not a stream")
        for number in range(80):
            await here.publish(NUMBERS, KEYS[number % 8], number)
        others = {number for number in range(80) if number % 8 != 3}
        await until(lambda: set(heard) == others)
        await degraded(here)
        await degraded(there)
        call(node.url, "DEL", STREAM)
        await until(lambda: set(heard) == set(range(80)))
        await live(here, there)
