"""Changes of quotes that nobody has committed, told to the processes as those are that were: there
are more of them a second than could be.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from tradeapi.bus.redis_streams import RedisBus
from tradeapi.market.events import CHANGES, BarChange, Changed, Quote
from tradeapi.market.resolutions import Resolution


@asynccontextmanager
async def open_bus(url: str) -> AsyncIterator[Callable[[Changed], Awaitable[None]]]:
    async with RedisBus(url) as bus:

        async def publish(change: Changed) -> None:
            await bus.publish(CHANGES, str(change.symbol_id), change)

        yield publish


def change(symbol_id: int, symbol: str, version: int, price: int) -> Changed:
    """As a tick makes it, which changes the newest bar of every resolution."""
    now = time.time()
    bar = partial(
        BarChange, "bar", open=101.25, high=float(price), low=100.5, close=float(price), volume=1.0
    )
    return Changed(
        symbol_id=symbol_id,
        symbol=symbol,
        version=version,
        revision=0,
        updated=now,
        quote=Quote(
            last=float(price),
            time=now,
            day=int(now) // 86400 * 86400,
            open=101.25,
            high=float(price),
            low=100.5,
            volume=1.0,
            previous_close=None,
            is_intraday=True,
        ),
        bars={
            resolution: (bar(time=int(now) // resolution.seconds * resolution.seconds),)
            for resolution in Resolution
        },
    )


async def ids(url: str, symbols: Sequence[str]) -> list[int]:
    """Of symbols that nothing has changed yet."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT symbol, id FROM symbols")
    await connection.close()
    found: dict[str, int] = dict(rows)
    return [found[symbol] for symbol in symbols]
