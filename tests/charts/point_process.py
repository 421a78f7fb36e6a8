"""A writer of points in a process of its own.

`python -m tests.charts.point_process URL CHART FIRST STEP COUNT` appends points, one after the
other, each so many seconds after the one before; says for each that it is there.
"""

import asyncio
import sys

import orjson

from tests.market.places import Market
from tradeapi.auth.dev import DEV_USER
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.ends import Ends
from tradeapi.charts.point_reader import PointReader
from tradeapi.charts.point_writer import PointWriter
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.web.large_reads import LargeReads
from tradeapi.web.preconditions import Precondition

SERIES = "line"


def writer_of(
    database: Database, bus: Bus | None = None, *, most_in_all: int = 2_000_000
) -> PointWriter:
    """Of the user dev; without a bus nobody hears of what is written."""
    ends = Ends(database, most_in_all=most_in_all)
    accesses = Accesses(database, SystemClock())
    parts = database, bus or MemoryBus(), DEV_USER, accesses, ends
    return PointWriter(*parts, most=2_000_000, most_in_all=most_in_all)


def reader_of(database: Database) -> PointReader:
    """Of the same user's."""
    market = Market(database)
    accesses = Accesses(database, market.clock)
    return PointReader(database, DEV_USER, bars_of(market), accesses, LargeReads(), by_id=False)


def bars_of(market: Market) -> BarHistory:
    newest = Newest(market.database, market.directory, market.clock)
    return BarHistory(market.database, market.directory, newest, market.clock, lateness=5)


async def main(url: str, chart: str, first: int, step: int, count: int) -> None:
    async with Database(url) as database:
        writer = writer_of(database)
        for number in range(count):
            time = first + step * number

            async def body(time: int = time) -> list[bytes]:
                return [orjson.dumps({"time": time, "value": 1})]

            await writer.append(chart, SERIES, body, Precondition(None), amend=True)
            sys.stdout.write(f"{time}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    url, chart, *numbers = sys.argv[1:]
    asyncio.run(main(url, chart, *map(int, numbers)))
