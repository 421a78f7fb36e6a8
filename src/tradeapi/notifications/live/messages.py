"""What is said of notifications, for the AsyncAPI document."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from tradeapi.notifications.live.reading import NEWEST
from tradeapi.notifications.schemas import NotificationOut
from tradeapi.streams.messages import Message, Snapshot, Time, TopicName, Update

Unread = Annotated[
    int, Field(description="How many are not read, at this frame or one that is on its way.")
]


class NotificationsTopic(TopicName):
    """Your notifications: `notifications`."""

    root: Annotated[str, Field(pattern="^notifications$", examples=["notifications"])]


class _Whole(BaseModel):
    unread: Unread
    notifications: list[NotificationOut] = Field(description=f"The newest {NEWEST}, newest first.")


_NOTIFICATION = """{"id": "01a21b7c-2f40-7d4e-9c55-0d0c4e2f6a11", "seq": 7, "type": "alert.fired",
        "title": "SIM:BTCUSD is above 25,000", "text": "SIM:BTCUSD was traded at 25,012.40.",
        "data": {"symbol": "SIM:BTCUSD", "price": 25012.4}, "is_test": false,
        "time": 1795727727.52, "created_at": 1795727727.61, "read_at": null}"""


class NotificationsSnapshot(Snapshot, _Whole):
    """Your inbox; it replaces all that you hold of it."""

    example = f"""{{"type": "snapshot", "topic": "notifications",
        "epoch": "9e7686ee-01a218eaab0174d5bdac67adaba8abfd", "seq": 8190, "unread": 1,
        "notifications": [{_NOTIFICATION}]}}"""

    topic: NotificationsTopic


class NotificationUpdate(Update):
    """A new one: each comes once, whatever comes after it."""

    example = f"""{{"type": "notification", "topic": "notifications", "seq": 8190, "prev": 7166,
        "notification": {_NOTIFICATION}, "unread": 1}}"""

    type: Literal["notification"]
    topic: NotificationsTopic
    notification: NotificationOut
    unread: Unread


class MarkUpdate(Update):
    """One was read, or is unread again, here or elsewhere."""

    example = """{"type": "mark", "topic": "notifications", "seq": 9214, "prev": 8190,
        "id": "01a21b7c-2f40-7d4e-9c55-0d0c4e2f6a11", "read_at": 1795727750.2, "unread": 0}"""

    type: Literal["mark"]
    topic: NotificationsTopic
    id: UUID
    read_at: Time | None
    unread: Unread


class InboxUpdate(Update, _Whole):
    """Some were removed, or all were read. Like a snapshot this replaces all that you hold."""

    example = """{"type": "inbox", "topic": "notifications", "seq": 10238, "prev": 9214,
        "unread": 0, "notifications": []}"""

    type: Literal["inbox"]
    topic: NotificationsTopic


MESSAGES: tuple[type[Message], ...] = (
    NotificationsSnapshot,
    NotificationUpdate,
    MarkUpdate,
    InboxUpdate,
)
