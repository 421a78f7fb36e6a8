"""The stream topics of indices: `indices:{code}`."""

import re
from typing import Never

from tradeapi.errors import FieldError, Invalid
from tradeapi.indices.live.followed import FollowedIndices
from tradeapi.indices.live.source import IndexSource
from tradeapi.indices.schemas import CODE
from tradeapi.streams.names import unknown_topic
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal

_CODE = re.compile(CODE)


class IndicesChannel:
    """For all who may have market data."""

    def __init__(self, indices: FollowedIndices) -> None:
        self._indices = indices

    async def admit(self, _: str, principal: Principal) -> None:
        principal.require_market_data()

    async def open(self, topic: Topic) -> IndexSource:
        code = _code(topic.name)
        await self._indices.require(code)
        return IndexSource(topic, code, self._indices)

    async def replay(self, name: str, _: object, __: object) -> Never:
        detail = f"What {name} was is in its builds; replay its bars."
        raise Invalid(detail, errors=[FieldError("/topic", detail)])


def _code(name: str) -> str:
    """A topic has one name: a code in upper case."""
    code = name.partition(":")[2]
    if not _CODE.fullmatch(code):
        raise unknown_topic(name, "indices:{code}")
    return code
