"""A writer of ticks in a process of its own; says on standard output what was acknowledged.

`python -m tests.market.tick_process URL NAME BATCHES SIZE` posts BATCHES batches of SIZE ticks of
size 1, with ids made of NAME, and prints the number of each batch once that is committed.
"""

import asyncio
import random
import sys

import orjson

from tests.market.places import MONDAY, Market, writing
from tradeapi.database import Database
from tradeapi.market.bars.posted import Outcomes
from tradeapi.market.bars.tick_writer import PostedTicks, TickWriter

SYMBOL = "CRYPTO:BTC"


async def main(url: str, name: str, batches: int, size: int) -> None:
    async with Database(url) as database, writing(Market(database)) as writer:
        for batch in range(batches):
            await post(writer, f"{name}-{batch}", size)
            print(batch, flush=True)  # noqa: T201


async def post(writer: TickWriter, name: str, size: int) -> Outcomes:
    """The same ticks whenever the same batch is posted, over four hours that end now."""
    chance = random.Random(name)
    ticks = [
        {
            "symbol": SYMBOL,
            "time": MONDAY - chance.randrange(4 * 3600),
            "price": chance.randrange(1, 1000),
            "size": 1,
            "id": f"{name}-{number}",
        }
        for number in range(size)
    ]
    # The way of a request's body.
    return await writer.post(PostedTicks(orjson.loads(orjson.dumps(ticks))))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
