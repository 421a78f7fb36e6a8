"""Webhooks on the wire."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, field_validator

from tradeapi.notifications.posting.poster import Fault
from tradeapi.notifications.posting.urls import LONGEST_URL
from tradeapi.web.schemas import In, Out, Time

MOST_TYPES = 50


class Reason(StrEnum):
    """Why nothing is sent to a webhook."""

    OWNER = "owner"
    GONE = "gone"
    FAILING = "failing"


class Status(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def _once(types: list[str] | None) -> list[str] | None:
    return None if types is None else list(dict.fromkeys(types))


Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_URL, pattern=r"^[^\x00-\x20\x7f]*$"),
    Field(
        description="https, on the public network, on a port of the web's.",
        examples=["https://example.com/hooks/prices"],
    ),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(description="For you.", examples=["the bot"]),
]
Type = Annotated[str, StringConstraints(max_length=32, pattern=r"^[a-z]\w*(\.\w+)*$")]
Types = Annotated[
    list[Type] | None,
    Field(
        min_length=1,
        max_length=MOST_TYPES,
        description="The types of notifications that are sent; null: all.",
        examples=[["alert.fired"]],
    ),
    AfterValidator(_once),
]


class NewWebhookIn(In):
    url: Url
    description: Description = ""
    types: Types = None


class WebhookChange(In):
    """What is left out stays."""

    url: Url | None = None
    description: Description | None = None
    types: Types = None
    is_enabled: StrictBool | None = Field(
        default=None, description="true sends again what happens from then on."
    )

    @field_validator("url", "description", "is_enabled")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("Leave it out for it to stay.")
        return value


class WebhookOut(Out):
    id: UUID
    url: str
    description: str
    types: list[str] | None
    is_enabled: bool
    disabled_at: Time | None
    disabled_reason: Reason | None = Field(
        description="`owner`: you have; `gone`: it has answered 410; `failing`: nothing was "
        "delivered for a day."
    )
    failing_since: Time | None = Field(description="Nothing was delivered since then.")
    previous_secret_until: Time | None = Field(
        description="Until then the secret of before signs, too."
    )
    version: int
    created_at: Time
    updated_at: Time


class NewWebhookOut(WebhookOut):
    secret: str = Field(
        description="Verifies what is sent. Shown this once.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class WebhooksOut(Out):
    items: list[WebhookOut]


class DeliveryOut(Out):
    id: UUID
    message_id: UUID = Field(description="The `webhook-id` of each attempt.")
    type: str = Field(examples=["alert.fired"])
    status: Status
    attempts: int
    next_attempt_at: Time | None = Field(description="Null once it is over.")
    response_status: int | None = Field(description="What the last attempt was answered.")
    error: Fault | str | None = Field(description="Why the last attempt was not answered.")
    duration: float | None = Field(description="Of the last attempt, in seconds.")
    created_at: Time
    updated_at: Time
