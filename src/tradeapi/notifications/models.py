"""The tables of notifications; times are seconds since 1970."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class Inbox(Base):
    """How many notifications somebody has had: the last one's `seq`, and what is read up to."""

    __tablename__ = "inboxes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger)


class Notification(Base):
    """Something that a user was told; `seq` counts those of one user without a gap."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("uq_notifications_user_id_seq", "user_id", "seq", unique=True),
        Index("uq_notifications_user_id_key", "user_id", "key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(String(1000))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_test: Mapped[bool] = mapped_column(Boolean)
    time: Mapped[float] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
    read_at: Mapped[float | None] = mapped_column(Float)
