"""The tables of watchlists; times are seconds since 1970."""

from uuid import UUID

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String, Uuid, false
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.auth.models import ShareRow
from tradeapi.database import Base


class Watchlist(Base):
    """Somebody's list; `version` rises when it changes or what is on it does.

    Lists and items are in the order of their `position`, in which there are gaps.
    """

    __tablename__ = "watchlists"
    __table_args__ = (
        Index("uq_watchlists_owner_id_name", "owner_id", "name", unique=True),
        Index("ix_watchlists_owner_id_position", "owner_id", "position"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    position: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.version}"'


class Item(Base):
    """A symbol on a list, and what its owner thinks of it. It goes when the symbol does."""

    __tablename__ = "watchlist_items"
    __table_args__ = (Index("ix_watchlist_items_symbol_id", "symbol_id"),)

    watchlist_id: Mapped[UUID] = mapped_column(
        ForeignKey("watchlists.id", ondelete="CASCADE"), primary_key=True
    )
    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(Integer)
    # Null: the symbol's own.
    name: Mapped[str | None] = mapped_column(String(200))
    category: Mapped[str | None] = mapped_column(String(50))
    notes: Mapped[str] = mapped_column(String(1000))
    priority: Mapped[str] = mapped_column(String(6))
    tags: Mapped[list[str]] = mapped_column(JSON)
    added_at: Mapped[float] = mapped_column(Float)
    added_price: Mapped[float | None] = mapped_column(Float)
    target_price: Mapped[float | None] = mapped_column(Float)
    stop_loss: Mapped[float | None] = mapped_column(Float)
    # Whether there are alerts for its target and its stop.
    alert_enabled: Mapped[bool] = mapped_column(Boolean, server_default=false())


class WatchlistShare(ShareRow):
    """A share of a watchlist."""

    __tablename__ = "watchlist_shares"

    thing: Mapped[UUID] = mapped_column(
        "watchlist_id", ForeignKey("watchlists.id", ondelete="CASCADE"), index=True
    )


class Favourite(Base):
    """A symbol that somebody likes."""

    __tablename__ = "favourites"
    __table_args__ = (Index("ix_favourites_symbol_id", "symbol_id"),)

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    added_at: Mapped[float] = mapped_column(Float)


class Search(Base):
    """What somebody has looked for, and when they last did."""

    __tablename__ = "searches"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    query: Mapped[str] = mapped_column(String(100), primary_key=True)
    searched_at: Mapped[float] = mapped_column(Float)
