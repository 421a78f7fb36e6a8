"""The bus, as the settings have it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.metrics import BUS_LIVE
from tradeapi.ops.readiness import Dependency, NotReady
from tradeapi.settings import Settings


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    if settings.redis_url is None:
        BUS_LIVE.set(1)
        yield MemoryBus()
        return
    async with RedisBus(settings.redis_url.get_secret_value()) as bus:
        yield bus


def bus_dependencies(settings: Settings, bus: Bus) -> Sequence[Dependency]:
    async def probe() -> None:
        if bus.state.name == "degraded":
            raise NotReady("News of other processes is read from the database, once a second.")

    return [Dependency("bus", probe, essential=False)] if settings.redis_url else []
