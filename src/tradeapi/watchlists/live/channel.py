"""The stream topics of watchlists: `watchlists:{id}`."""

from typing import Never

from tradeapi.streams.names import id_in, not_kept
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
        id = id_in(name)
        principal.require_watchlist(str(id))
        if not await self._watchlists.is_owned(id, principal.owner):
            raise no_such_watchlist()

    async def open(self, topic: Topic) -> WatchlistSource:
        return WatchlistSource(topic, id_in(topic.name), self._watchlists)

    async def replay(self, name: str, _: object, __: object) -> Never:
        raise not_kept(name)
