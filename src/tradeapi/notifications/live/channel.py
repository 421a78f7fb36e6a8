"""The stream topic `notifications`, of which every user has one."""

from typing import Never
from uuid import UUID

from tradeapi.errors import FieldError, Invalid, NotFound
from tradeapi.notifications.live.followed import FollowedInboxes
from tradeapi.notifications.live.source import InboxSource
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal, Scope

NAME = "notifications"


class NotificationsChannel:
    """For users alone: whoever has a share of something has no inbox there."""

    def __init__(self, inboxes: FollowedInboxes) -> None:
        self._inboxes = inboxes

    async def admit(self, name: str, principal: Principal) -> UUID:
        if name != NAME:
            detail = f"There is no topic {name[:80]!r}; it is {NAME}, and no more."
            raise NotFound(detail, code="unknown_topic")
        principal.require(Scope.READ)
        return principal.owner

    async def open(self, topic: Topic) -> InboxSource:
        assert topic.owner is not None  # noqa: S101  `admit` has named one
        return InboxSource(topic, topic.owner, self._inboxes)

    async def replay(self, name: str, _: object, __: object) -> Never:
        detail = f"What {name} was is in your inbox; replay bars."
        raise Invalid(detail, errors=[FieldError("/topic", detail)])
