"""Where imports go."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Invalid
from tradeapi.market.importing.tables import Unusable
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.names import Name
from tradeapi.market.symbols.service import Symbols


@dataclass(frozen=True, slots=True)
class Market:
    """Symbols and their bars, each change in a transaction of its own."""

    database: Database
    store: BarStore
    directory: Directory
    clock: Clock

    async def listed(self, symbols: Sequence[str]) -> dict[str, Listing]:
        """Those of the symbols that exist."""
        found = await self.directory.get_many(symbols)
        return {
            symbol: listing for symbol, listing in found.items() if isinstance(listing, Listing)
        }

    async def create(self, symbols: Sequence[str]) -> int:
        """Have all of them; how many are new."""
        async with self.database.transaction() as session:
            return len(await Symbols(session).ensure(*symbols))


def full_name(text: str, exchange: str | None) -> str | None:
    """A symbol as a file names it as EXCHANGE:TICKER; None for what no symbol can be called.

    Raises Unusable for a bare ticker where no exchange was given.
    """
    if text and ":" not in text:
        if exchange is None:
            raise Unusable(f"its symbols, such as {text[:20]}, name no exchange: give --exchange")
        text = f"{exchange}:{text}"
    try:
        return Name.parse(text).symbol
    except Invalid:
        return None
