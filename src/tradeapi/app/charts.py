"""What charts need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio

from tradeapi.app.market import MarketState
from tradeapi.bus.port import Bus
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.ends import Ends
from tradeapi.charts.kept_texts import KeptTexts
from tradeapi.charts.live.channel import ChartsChannel
from tradeapi.charts.live.followed import FollowedCharts
from tradeapi.charts.tasks import HOUR
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.web.large_reads import LargeReads


class ChartsState(TypedDict):
    chart_accesses: Accesses
    chart_ends: Ends
    chart_texts: KeptTexts
    long_studies: LargeReads


@asynccontextmanager
async def open_charts(  # noqa: PLR0913, PLR0917  they are what is joined
    settings: Settings,
    clock: Clock,
    database: Database,
    bus: Bus,
    hub: Hub,
    market: MarketState,
) -> AsyncIterator[ChartsState]:
    accesses = Accesses(database, clock)
    ttl = settings.chart_ttl_hours * HOUR
    async with (
        FollowedCharts(
            database, bus, hub, market["directory"], market["bar_history"], accesses, ttl=ttl
        ) as followed,
        anyio.create_task_group() as tasks,
    ):
        hub.register("charts", ChartsChannel(followed))
        tasks.start_soon(accesses.run)
        yield {
            "chart_accesses": accesses,
            "chart_ends": Ends(database, most_in_all=settings.points_per_user),
            "chart_texts": KeptTexts(settings.points_cache_bytes),
            "long_studies": LargeReads(),
        }
        await accesses.write()
        tasks.cancel_scope.cancel()
