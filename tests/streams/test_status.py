"""The topic that says whether news of other processes comes."""

import asyncio
from pathlib import Path

import pytest

from tests.streams.client import client
from tests.streams.conftest import Serve, Served
from tests.web.redis_process import redis_process
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.streams.status import StatusChannel

pytestmark = pytest.mark.anyio


async def test_one_process_alone_is_always_live(served: Served) -> None:
    """It writes everything itself."""
    served.hub.register("status", StatusChannel(MemoryBus()))
    async with client(served.url) as guest:
        await guest.say_anything(op="subscribe", topics=["status", "status:more"])
        ack = await guest.hear_type("ack")
        snapshot = await guest.hear()
    assert [one["code"] for one in ack["rejected"]] == ["unknown_topic"]
    assert snapshot["status"]["state"] == "live"


async def test_without_redis_it_is_degraded_and_the_socket_stays(
    serve: Serve, tmp_path: Path
) -> None:
    """Clients are told when it goes and when it is back."""
    with redis_process(tmp_path) as redis:
        async with RedisBus(redis.url) as bus, serve() as served:
            served.hub.register("status", StatusChannel(bus))
            async with client(served.url) as guest:
                await guest.say(op="subscribe", topics=["status"])
                states = [(await guest.hear_type("snapshot"))["status"]["state"]]
                redis.kill()
                states.append((await guest.hear_type("status"))["state"])
                await asyncio.to_thread(redis.start)
                states.append((await guest.hear_type("status"))["state"])
    assert states == ["live", "degraded", "live"]
