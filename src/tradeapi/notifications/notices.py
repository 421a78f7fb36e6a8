"""What a feature has to tell a user."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Channel(StrEnum):
    """Ways to a user beside the inbox, where everything is."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Told once: a second one of the user with the same `key` is none, as long as the first is in
    the inbox.

    `type` names what has happened, as `alert.fired`; `title` and `text` are for people, `data` is
    the same as JSON. `time` is when it happened, in epoch seconds.
    """

    user_id: UUID
    key: str
    type: str
    title: str
    text: str
    data: Mapping[str, object]
    channels: frozenset[Channel]
    time: float
    is_test: bool = False
