"""Which ways to users this server has."""

from collections.abc import Collection
from dataclasses import dataclass

from tradeapi.errors import FieldError, Invalid
from tradeapi.notifications.notices import Channel


@dataclass(frozen=True, slots=True)
class Channels:
    available: frozenset[Channel]

    def require(self, chosen: Collection[Channel], pointer: str = "/channels") -> None:
        """Raises Invalid for one that there is not: nothing would ever come on it."""
        missing = [channel for channel in Channel if channel in chosen and channel not in self]
        if missing:
            detail = f"This server can not tell you by {missing[0]}."
            raise Invalid(detail, code="channel_unavailable", errors=[FieldError(pointer, detail)])

    def __contains__(self, channel: Channel) -> bool:
        return channel in self.available
