"""Commands to a Redis, or to a Redis Cluster, that may take their time.

Nothing is repeated here. Who has a partition is found anew after a failure.
"""

import random
from collections.abc import Sequence
from typing import Any, Protocol

from tradeapi.errors import NotStarted
from tradeapi.redis import without_cluster

# A read waits at Redis for news, and must be answered before the connection is given up.
BLOCK_MILLISECONDS = 1000
PATIENCE_SECONDS = 1.75
CONNECT_SECONDS = 1.0
# A process sends and reads once in so long at the most, and then all there is: most of what either
# costs is not for the events. The first one after a pause does not wait.
GATHER_SECONDS = 0.002
# One stream is read and written with the fewest questions; in a cluster the nodes share the work.
PARTITIONS_OF_CLUSTER = 8

Command = Sequence[str | bytes | int]


class Link(Protocol):
    """`partitions` is how many streams there are; all processes agree about it."""

    partitions: int

    async def ask(self, key: str, *words: str | bytes | int) -> Any:  # noqa: ANN401  of Redis
        """The answer to a command about the key."""
        ...

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """The answer to each command, or what it was refused with."""
        ...

    async def renew(self) -> None:
        """Send the next commands over new connections, to whoever has the key by then."""
        ...

    async def aclose(self) -> None: ...


def link(url: str) -> Link:
    """Opens nothing yet; raises NotStarted for a URL that is none."""
    address, is_cluster = without_cluster(url)
    try:
        return ToCluster(address) if is_cluster else ToServer(address)
    except ValueError:
        # That error quotes the URL, which may hold a password.
        raise NotStarted("REDIS_URL: must be redis://:PASSWORD@HOST:PORT/NUMBER") from None


class ToServer:
    partitions = 1

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis  # noqa: PLC0415  see tradeapi.redis

        self._client = Redis.from_url(url, **_options())

    async def ask(self, _: str, *words: str | bytes | int) -> Any:  # noqa: ANN401
        return await self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        # Who waits at Redis for news gets all of it, and not the first event by itself.
        async with self._client.pipeline(transaction=True) as pipeline:
            for words in commands:
                pipeline.execute_command(*words)
            return await pipeline.execute(raise_on_error=False)

    async def renew(self) -> None:
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def aclose(self) -> None:
        await self._client.aclose()


class ToCluster:
    """Reads and writes have clients of their own: to find the nodes anew, one hangs up on all."""

    partitions = PARTITIONS_OF_CLUSTER

    def __init__(self, url: str) -> None:
        from redis.asyncio import RedisCluster  # noqa: PLC0415
        from redis.exceptions import (  # noqa: PLC0415
            ConnectionError,
            RedisClusterException,
            TimeoutError,
        )

        self._passing = (ConnectionError, TimeoutError)
        try:
            self._reader = RedisCluster.from_url(url, **_options())
            self._writer = RedisCluster.from_url(url, **_options())
        except RedisClusterException as error:
            raise NotStarted(f"REDIS_URL: {error}") from None

    async def ask(self, key: str, *words: str | bytes | int) -> Any:  # noqa: ANN401
        await self._reader.initialize()
        node = self._reader.get_node_from_key(key)
        return await self._reader.execute_command(*words, target_nodes=node)

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._writer.pipeline()
        for words in commands:
            pipeline.execute_command(*words)
        answers = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, self._passing):
                raise answer
        return answers

    async def renew(self) -> None:
        await self._writer.aclose()

    async def aclose(self) -> None:
        for client in (self._reader, self._writer):
            await client.aclose()
            # What it opened while it did not find the nodes it keeps open.
            await client.nodes_manager.aclose()
            await client.nodes_manager.aclose("startup_nodes")


def pause(failures: int) -> float:
    """How many seconds to wait after so many failures, so that processes don't come together."""
    return random.uniform(0.05, min(2.0, 0.5 * 2 ** min(failures - 1, 2)))  # noqa: S311


def _options() -> dict[str, Any]:
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    return {
        "protocol": 2,
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
