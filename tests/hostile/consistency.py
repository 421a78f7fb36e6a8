"""Whether the bars of a database are what they have to be, all of them."""

from collections.abc import Sequence

from tests.market.places import Market
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution


async def is_consistent(url: str, *symbols: str) -> bool:
    """Whether each derived bar is the fold of the finer ones: to derive all again changes none."""
    async with Database(url) as database:
        market = Market(database)
        for symbol in symbols:
            listing = await market.directory.get(symbol)
            async with database.transaction() as session:
                [book] = await market.store.open(session, [listing.facts])
                await book.rebuild()
                if await market.store.flush(session, [book]):
                    return False
    return True


async def volumes(url: str, symbol: str) -> Sequence[float]:
    """The volume of all bars, in each resolution."""
    async with Database(url) as database:
        market = Market(database)
        listing = await market.directory.get(symbol)
        return [
            float((await market.read(listing, resolution)).volume.sum())
            for resolution in Resolution
        ]
