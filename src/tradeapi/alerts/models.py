"""The tables of alerts; times are seconds since 1970."""

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
    Text,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class Alert(Base):
    """What somebody wants to be told of; it goes when its symbol does.

    `version` rises when it is edited and when it fires. `state` is what each condition was when the
    symbol's position was written, `armed_at` since when it is watched, `base_*` where the symbol
    was then, and `fired_bar` the bar of the last firing. One with a `watchlist_id` is kept by the
    item of its symbol there, for the `purpose` of its target or its stop.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_owner_id_id", "owner_id", "id"),
        Index("ix_alerts_symbol_id", "symbol_id"),
        Index("ix_alerts_updated_at", "updated_at"),
        Index("ix_alerts_status_expires_at", "status", "expires_at"),
        Index(
            "uq_alerts_watchlist_id_symbol_id_purpose",
            "watchlist_id",
            "symbol_id",
            "purpose",
            unique=True,
            sqlite_where=text("watchlist_id IS NOT NULL"),
            postgresql_where=text("watchlist_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id", ondelete="CASCADE"))
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    match: Mapped[str] = mapped_column(String(3))
    is_repeating: Mapped[bool] = mapped_column(Boolean)
    cool_down: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float | None] = mapped_column(Float)
    note: Mapped[str] = mapped_column(Text)
    channels: Mapped[list[str]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(8))
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)
    armed_at: Mapped[float] = mapped_column(Float)
    base_version: Mapped[int] = mapped_column(BigInteger)
    base_price: Mapped[float | None] = mapped_column(Float)
    base_time: Mapped[float | None] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(8))
    fired_count: Mapped[int] = mapped_column(Integer)
    fired_at: Mapped[float | None] = mapped_column(Float)
    fired_price: Mapped[float | None] = mapped_column(Float)
    fired_bar: Mapped[int | None] = mapped_column(BigInteger)
    watchlist_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("watchlists.id", ondelete="CASCADE")
    )
    purpose: Mapped[str | None] = mapped_column(String(6))

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.version}"'


class AlertPosition(Base):
    """How far a symbol has been watched: its version, the newest trade, and the bar that was
    forming, of the finest resolution it has; `closed` is the newest closed bar by resolution.
    """

    __tablename__ = "alert_positions"

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(BigInteger)
    time: Mapped[float] = mapped_column(Float)
    price: Mapped[float | None] = mapped_column(Float)
    bar: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[float | None] = mapped_column(Float)
    low: Mapped[float | None] = mapped_column(Float)
    day: Mapped[int | None] = mapped_column(BigInteger)
    day_high: Mapped[float | None] = mapped_column(Float)
    day_low: Mapped[float | None] = mapped_column(Float)
    closed: Mapped[dict[str, int]] = mapped_column(JSON)
