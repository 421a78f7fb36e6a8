"""The stream topics of charts: `charts:{id}`."""

from typing import Never
from uuid import UUID

from tradeapi.charts.keys import as_id
from tradeapi.charts.live.followed import FollowedCharts
from tradeapi.charts.live.source import ChartSource
from tradeapi.errors import NotFound
from tradeapi.streams.names import not_kept, unknown_topic
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal


class ChartsChannel:
    """For the owner of a chart, and for whoever has a share of it."""

    def __init__(self, charts: FollowedCharts) -> None:
        self._charts = charts

    async def admit(self, name: str, principal: Principal) -> None:
        id = _id(name)
        principal.require_chart(str(id))
        owner = principal.share.owner if principal.share is not None else principal.user
        if owner is None or not await self._charts.is_owned(id, owner):
            raise NotFound("There is no such chart.")

    async def open(self, topic: Topic) -> ChartSource:
        return ChartSource(topic, _id(topic.name), self._charts)

    async def replay(self, name: str, _: object, __: object) -> Never:
        raise not_kept(name)


def _id(name: str) -> UUID:
    id = as_id(name.partition(":")[2])
    if id is None:
        raise unknown_topic(name, "charts:{id}")
    return id
