"""What is said of watchlists, for the AsyncAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tradeapi.market.quotes.schemas import Quote
from tradeapi.streams.messages import Message, Snapshot, TopicName, Update
from tradeapi.watchlists.schemas import WatchlistOut

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

Quotes = Annotated[dict[str, Quote], Field(description="By the symbols' full names.")]


class WatchlistsTopic(TopicName):
    """A watchlist of yours: `watchlists:{id}`."""

    root: Annotated[
        str,
        Field(
            pattern=f"^watchlists:{_UUID}$",
            examples=["watchlists:01a218ea-ab01-74d5-bdac-67adaba8abfd"],
        ),
    ]


class _Whole(BaseModel):
    version: int = Field(description="Of the list.")
    watchlist: WatchlistOut = Field(description="As `GET /api/v1/watchlists/{id}` answers it.")
    quotes: Quotes


_QUOTE = """{"last": 1721.75, "bid": null, "ask": null, "change": -20.7,
        "change_percent": -1.188, "open": 1742.45, "high": 1748.5, "low": 1719.25,
        "volume": 20114.5, "previous_close": 1742.45, "time": 1795714363.187, "stale": false}"""
_WHOLE = f""""version": 2, "watchlist": {{"id": "01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "name": "Coins", "position": 0, "count": 1, "version": 2,
        "created_at": 1795714362.097, "updated_at": 1795714363.215, "items": [{{
        "symbol": "SIM:ETHUSD", "name": "Ether in US dollars", "position": 0, "category": null,
        "notes": "", "priority": "medium", "tags": [], "added_at": 1795714363.215,
        "added_price": 1720.5, "target_price": 2000.0, "stop_loss": null,
        "alert_enabled": true}}]}},
        "quotes": {{"SIM:ETHUSD": {_QUOTE}}}"""


class WatchlistSnapshot(Snapshot, _Whole):
    """The list, and the quote of each symbol on it; they replace all that you hold of it."""

    example = f"""{{"type": "snapshot", "topic": "watchlists:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "epoch": "0134e647", "seq": 1022, {_WHOLE}}}"""

    topic: WatchlistsTopic


class WatchlistUpdate(Update, _Whole):
    """The list is another now. Like a snapshot this replaces all that you hold of it."""

    example = f"""{{"type": "watchlist", "topic": "watchlists:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "seq": 2046, "prev": 1022, {_WHOLE}}}"""

    type: Literal["watchlist"]
    topic: WatchlistsTopic


class WatchlistQuotes(Update):
    """Quotes that are others now, each with all fields; those of other symbols stay."""

    example = f"""{{"type": "quotes", "topic": "watchlists:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "seq": 3070, "prev": 2046, "quotes": {{"SIM:ETHUSD": {_QUOTE}}}}}"""

    type: Literal["quotes"]
    topic: WatchlistsTopic
    quotes: Quotes


MESSAGES: tuple[type[Message], ...] = (WatchlistSnapshot, WatchlistUpdate, WatchlistQuotes)
