"""What is pushed to browsers, on the wire."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tradeapi.notifications.posting.urls import LONGEST_URL
from tradeapi.web.schemas import Out, Time

Key = Annotated[str, StringConstraints(max_length=200, pattern=r"^[\w-]+=*$")]


class KeysIn(BaseModel):
    p256dh: Key = Field(
        examples=[
            "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"
        ]
    )
    auth: Key = Field(examples=["tBHItJI5svbpez7KI4CCXg"])


class SubscriptionIn(BaseModel):
    """The browser's own `PushSubscription`, which may have more in it some day."""

    model_config = ConfigDict(extra="ignore")

    endpoint: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        pattern=r"^[^\x00-\x20\x7f]*$",
        examples=["https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB"],
    )
    expirationTime: float | None = Field(  # noqa: N815  browsers call it that
        default=None,
        strict=True,
        ge=0,
        le=1e14,
        allow_inf_nan=False,
        description="In milliseconds since 1970.",
    )
    keys: KeysIn


class SubscriptionOut(Out):
    id: UUID
    host: str = Field(description="Of the push service.", examples=["fcm.googleapis.com"])
    expires_at: Time | None
    created_at: Time
    updated_at: Time


class SubscriptionsOut(Out):
    items: list[SubscriptionOut]


class PushKeyOut(Out):
    key: str = Field(
        description="For `applicationServerKey`.",
        examples=[
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ],
    )
