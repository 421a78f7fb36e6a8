"""Notifications on the wire."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from tradeapi.notifications.hours import zones
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.preferences import Wishes
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
    read: StrictBool = Field(examples=[True])


class ReadIn(In):
    until: Annotated[int, Field(strict=True, ge=0, le=LAST_SEQ)] | None = Field(
        default=None,
        description="The `seq` of the last one that you have seen; null: all.",
        examples=[17],
    )


def _known_zone(name: str) -> str:
    if name not in zones():
        raise ValueError("there is no such time zone")
    return name


def _distinct(channels: list[Channel]) -> list[Channel]:
    return [channel for channel in Channel if channel in channels]


TimeZone = Annotated[
    str,
    StringConstraints(max_length=64),
    AfterValidator(_known_zone),
    Field(description="By its IANA name.", examples=["Europe/Berlin"]),
]
TimeOfDay = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Field(description="In your time zone.", examples=["22:00"]),
]
Chosen = Annotated[
    list[Channel],
    Field(max_length=10, description="Beside the inbox, where something does not say otherwise."),
    AfterValidator(_distinct),
]


class QuietHours(In):
    """Mails and pushes wait until they end; they may go past midnight."""

    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.begin == self.end:
            raise ValueError("they end when they begin")
        return self


class PreferencesIn(In):
    time_zone: TimeZone
    quiet_hours: QuietHours | None = Field(description="Null: none.")
    channels: Chosen
    mail: StrictBool = Field(description="Whether mails come at all.")
    digest: TimeOfDay | None = Field(
        description="When a mail of what came since the last one is sent each day; null: never."
    )

    @property
    def wishes(self) -> Wishes:
        quiet = self.quiet_hours
        return Wishes(
            time_zone=self.time_zone,
            quiet=(_minute(quiet.begin), _minute(quiet.end)) if quiet else None,
            channels=self.channels,
            mail=self.mail,
            digest=_minute(self.digest) if self.digest else None,
        )


class PreferencesOut(PreferencesIn):
    available: list[Channel] = Field(description="The channels that this server has.")


class MailOffIn(In):
    token: Annotated[
        str,
        StringConstraints(min_length=1, max_length=300),
        Field(description="From the link in a mail.", examples=["MDFhMjFhNTc.Zk3x"]),
    ]


def preferences_out(wishes: Wishes, available: frozenset[Channel]) -> dict[str, Any]:
    quiet = wishes.quiet
    return {
        "time_zone": wishes.time_zone,
        "quiet_hours": {"from": _time(quiet[0]), "to": _time(quiet[1])} if quiet else None,
        "channels": wishes.channels,
        "mail": wishes.mail,
        "digest": None if wishes.digest is None else _time(wishes.digest),
        "available": [channel for channel in Channel if channel in available],
    }


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
