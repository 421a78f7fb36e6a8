"""The tables of what is pushed to browsers; times are seconds since 1970."""

from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, Integer, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class PushKey(Base):
    """The one key pair by which push services know us, whoever of our processes sends."""

    __tablename__ = "push_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    # In the safe.
    private: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float] = mapped_column(Float)


class PushSubscription(Base):
    """A browser that somebody's notifications are pushed to."""

    __tablename__ = "push_subscriptions"
    __table_args__ = (
        Index("uq_push_subscriptions_digest", "digest", unique=True),
        Index("ix_push_subscriptions_user_id", "user_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # Of the endpoint.
    digest: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    # In the safe: whoever knows the endpoint and the keys can push to the browser.
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)


class Push(Base):
    """One notification for one browser, as long as it is not over; `due_at` is when it may go."""

    __tablename__ = "pushes"
    __table_args__ = (Index("ix_pushes_subscription_id", "subscription_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(
        ForeignKey("push_subscriptions.id", ondelete="CASCADE")
    )
    notification_id: Mapped[UUID] = mapped_column(Uuid)
    due_at: Mapped[float] = mapped_column(Float)
