"""The tables of notifications; times are seconds since 1970, and times of day minutes."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base

LONGEST_TITLE = 200
LONGEST_TEXT = 1000

_IS_UNREAD = text("read_at IS NULL")
_IS_MARKED = text("marked IS NOT NULL")
_IS_DUE = text("digest_at IS NOT NULL")


class Inbox(Base):
    """How far somebody's notifications have come.

    `seq` counts all that happens to them: each that comes, is marked or goes. `swept` is where the
    last went, or many were marked at once. `count` are there, and `unread` of these are not read.
    `is_mail_due` while there is a job that will mail what waits for it.
    """

    __tablename__ = "inboxes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger)
    swept: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(Integer)
    unread: Mapped[int] = mapped_column(Integer)
    is_mail_due: Mapped[bool] = mapped_column(Boolean)


class Notification(Base):
    """Something that a user was told; `seq` is the inbox's when it came.

    `marked` is the inbox's when it was read, or unread again, by itself.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        Index("uq_notifications_user_id_seq", "user_id", "seq", unique=True),
        Index("uq_notifications_user_id_key", "user_id", "key", unique=True),
        Index(
            "ix_notifications_unread",
            "user_id",
            "seq",
            postgresql_where=_IS_UNREAD,
            sqlite_where=_IS_UNREAD,
        ),
        Index(
            "ix_notifications_marked",
            "user_id",
            "marked",
            postgresql_where=_IS_MARKED,
            sqlite_where=_IS_MARKED,
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    marked: Mapped[int | None] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(LONGEST_TITLE))
    text: Mapped[str] = mapped_column(String(LONGEST_TEXT))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_test: Mapped[bool] = mapped_column(Boolean)
    time: Mapped[float] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
    read_at: Mapped[float | None] = mapped_column(Float)


class Preference(Base):
    """How somebody wants to be told; who has none wants what `preferences.DEFAULTS` says.

    `digest_at` is when the next digest is due, and null without one; it begins after `digest_seq`
    of the inbox. `digest_day` is the last day that had one.
    """

    __tablename__ = "notification_preferences"
    __table_args__ = (
        Index(
            "ix_notification_preferences_digest_at",
            "digest_at",
            postgresql_where=_IS_DUE,
            sqlite_where=_IS_DUE,
        ),
    )

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    time_zone: Mapped[str] = mapped_column(String(64))
    # Both or neither.
    quiet_from: Mapped[int | None] = mapped_column(Integer)
    quiet_to: Mapped[int | None] = mapped_column(Integer)
    channels: Mapped[list[str]] = mapped_column(JSON)
    mail: Mapped[bool] = mapped_column(Boolean)
    # None: no digest.
    digest_minute: Mapped[int | None] = mapped_column(Integer)
    digest_at: Mapped[float | None] = mapped_column(Float)
    digest_day: Mapped[str | None] = mapped_column(String(10))
    digest_seq: Mapped[int] = mapped_column(BigInteger)

    @property
    def last_digest(self) -> date | None:
        return date.fromisoformat(self.digest_day) if self.digest_day else None


class MailItem(Base):
    """A notification that is to be mailed; gone when it was.

    Until `claimed_until` somebody is at it, with the mail `mail_id`.
    """

    __tablename__ = "mail_items"

    notification_id: Mapped[UUID] = mapped_column(
        ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    mail_id: Mapped[UUID | None] = mapped_column(Uuid)
    claimed_until: Mapped[float] = mapped_column(Float)


class SentMail(Base):
    """A mail of the last hour."""

    __tablename__ = "sent_mails"
    __table_args__ = (Index("ix_sent_mails_user_id_sent_at", "user_id", "sent_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sent_at: Mapped[float] = mapped_column(Float)


class Digest(Base):
    """A digest that is to be mailed, of what came after one `seq` and up to another; gone when it
    was.
    """

    __tablename__ = "digests"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    after: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int] = mapped_column(BigInteger)
    claimed_until: Mapped[float] = mapped_column(Float)
