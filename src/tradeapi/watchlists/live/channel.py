"""The stream topics of watchlists: `watchlists:{id}`."""

from typing import Never
from uuid import UUID

from tradeapi.errors import FieldError, Invalid, NotFound
from tradeapi.streams.topics import Topic
from tradeapi.watchlists.live.followed import FollowedWatchlists
from tradeapi.watchlists.live.source import WatchlistSource
from tradeapi.watchlists.service import no_such_watchlist
from tradeapi.web.principal import Principal


class WatchlistsChannel:
    """For the owner of a list, and for whoever has a share of it."""

    def __init__(self, watchlists: FollowedWatchlists) -> None:
        self._watchlists = watchlists

    async def admit(self, name: str, principal: Principal) -> None:
        id = _id(name)
        principal.require_watchlist(str(id))
        if not await self._watchlists.is_owned(id, principal.owner):
            raise no_such_watchlist()

    async def open(self, topic: Topic) -> WatchlistSource:
        return WatchlistSource(topic, _id(topic.name), self._watchlists)

    async def replay(self, name: str, _: object, __: object) -> Never:
        detail = f"What {name} was is not kept; replay bars."
        raise Invalid(detail, errors=[FieldError("/topic", detail)])


def _id(name: str) -> UUID:
    """A topic has one name: an id in its one spelling."""
    key = name.partition(":")[2]
    try:
        id = UUID(key)
    except ValueError:
        id = None
    if id is None or str(id) != key:
        detail = f"There is no topic {name[:80]!r}; it has the form watchlists:{{id}}."
        raise NotFound(detail, code="unknown_topic")
    return id
