"""Notifications on the wire."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from tradeapi.web.pages import Page
from tradeapi.web.schemas import In, Out, Time

# As far as JavaScript counts.
LAST_SEQ = 2**53 - 1

NotificationSeq = Annotated[
    int, Field(ge=0, le=LAST_SEQ, description="Rises with each notification, not by one.")
]
TypeName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z0-9._-]+$"),
    Field(description="What has happened.", examples=["alert.fired"]),
]


class NotificationOut(Out):
    id: UUID
    seq: NotificationSeq
    type: TypeName
    title: str = Field(examples=["SIM:BTCUSD is above 25,000"])
    text: str
    data: dict[str, Any] = Field(description="The same for programs; what is in it the type says.")
    is_test: bool = Field(description="Whether nothing has happened, and somebody tries it out.")
    time: Time = Field(description="When it happened, in seconds since 1970.")
    created_at: Time
    read_at: Time | None


class InboxOut(Page[NotificationOut]):
    unread: int = Field(description="How many of all your notifications are not read.")


class MarkIn(In):
    read: bool


class ReadIn(In):
    until: NotificationSeq | None = Field(
        default=None, description="The `seq` of the last one that you have seen; null: all."
    )
