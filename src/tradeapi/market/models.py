"""The market's tables."""

from datetime import date

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.analytics.adjustments import Kind
from tradeapi.database import Base


class Exchange(Base):
    """A venue; its calendar says when it trades."""

    __tablename__ = "exchanges"

    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    calendar: Mapped[str] = mapped_column(String(32), server_default="24x7")
    currency: Mapped[str] = mapped_column(String(8), server_default="USD")


class CalendarSessions(Base):
    """The sessions of one exchange calendar, kept so that no API process needs pandas."""

    __tablename__ = "calendars"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    sessions: Mapped[bytes] = mapped_column(LargeBinary)
    built_at: Mapped[int] = mapped_column(BigInteger)


class Symbol(Base):
    """Anything that has bars."""

    __tablename__ = "symbols"
    # The id of a deleted symbol is not given to the next one: others may still know it.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    symbol: Mapped[str] = mapped_column(String(64), unique=True)
    exchange: Mapped[str] = mapped_column(ForeignKey("exchanges.code"), index=True)
    ticker: Mapped[str] = mapped_column(String(48), index=True)
    name: Mapped[str] = mapped_column(Text, server_default="")
    type: Mapped[str] = mapped_column(String(16), server_default="stock")
    currency: Mapped[str] = mapped_column(String(8), server_default="USD")
    sector: Mapped[str | None] = mapped_column(Text)
    # Where the symbol trades at other hours than its exchange.
    calendar: Mapped[str | None] = mapped_column(String(32))
    tick_size: Mapped[float | None] = mapped_column(Float)
    # What the stored prices already contain: raw, splits or all.
    basis: Mapped[str] = mapped_column(String(8), server_default="raw")
    extended_hours: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    # The first day of trading, and the first on which it trades no more; null where unknown.
    listed_from: Mapped[date | None] = mapped_column(Date)
    listed_to: Mapped[date | None] = mapped_column(Date)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class FormerSymbol(Base):
    """A symbol that was removed, and where its revision stood.

    Should the name come back, its revision goes on from there: what clients keep for ever under
    the old revisions must not be taken for the new symbol's.
    """

    __tablename__ = "former_symbols"

    symbol: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)


class CorporateAction(Base):
    """A split (`value`: new shares per old), or a dividend or special one (`value`: per share)."""

    __tablename__ = "corporate_actions"

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True
    )
    ex_date: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[Kind] = mapped_column(String(8), primary_key=True)
    value: Mapped[float] = mapped_column(Float)


class SharesOutstanding(Base):
    """Shares from a date on; the undated figure applies from the symbol's first bar."""

    __tablename__ = "shares_outstanding"

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True
    )
    # 0001-01-01 stands for "undated": it sorts before every bar.
    effective: Mapped[date] = mapped_column(Date, primary_key=True)
    shares: Mapped[float] = mapped_column(Float)


class Head(Base):
    """The newest facts of one symbol, and the lock its writers queue on.

    `version` rises by one with each committed change, `revision` when closed history changes.
    """

    __tablename__ = "heads"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    updated: Mapped[float] = mapped_column(Float, server_default="0")
    last: Mapped[float | None] = mapped_column(Float)
    last_time: Mapped[float | None] = mapped_column(Float)
    day: Mapped[int | None] = mapped_column(BigInteger)
    open: Mapped[float | None] = mapped_column(Float)
    high: Mapped[float | None] = mapped_column(Float)
    low: Mapped[float | None] = mapped_column(Float)
    volume: Mapped[float | None] = mapped_column(Float)
    previous_close: Mapped[float | None] = mapped_column(Float)


class Epoch(Base):
    """One row that names this database: versions of another one, of the same name or not, or of
    this one before it was restored, are not its own."""

    __tablename__ = "epoch"

    value: Mapped[str] = mapped_column(String(16), primary_key=True)


class BarSeries(Base):
    """The reach of one symbol's bars of one resolution; `sealed` is the last bar in a block."""

    __tablename__ = "bar_series"

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    resolution: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[int | None] = mapped_column(BigInteger)


class BarRow(Base):
    """A bar at the live edge, newer than every block of its series."""

    __tablename__ = "bar_rows"

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    resolution: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    open: Mapped[float] = mapped_column(Float)
    high: Mapped[float] = mapped_column(Float)
    low: Mapped[float] = mapped_column(Float)
    close: Mapped[float] = mapped_column(Float)
    volume: Mapped[float] = mapped_column(Float)
    # 1 where the bar was posted or imported, 0 where it was built from ticks or finer bars.
    native: Mapped[float] = mapped_column(Float)
    # When the trades behind open and close happened; null for bars that no tick made.
    first_tick: Mapped[float | None] = mapped_column(Float)
    last_tick: Mapped[float | None] = mapped_column(Float)


class BarBlock(Base):
    """Up to 1,440 sealed bars as columns in one value; see `blocks` for the layout.

    No foreign key: attaching a partition would lock `symbols`. The store deletes the blocks.
    """

    __tablename__ = "bar_blocks"
    __table_args__ = ({"postgresql_partition_by": "RANGE (resolution, start)"},)

    symbol_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    resolution: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Integer)
    last: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class TickId(Base):
    """Ticks seen with an id, kept for a day so that a retry is harmless."""

    __tablename__ = "tick_ids"
    __table_args__ = (Index("ix_tick_ids_seen", "seen"),)

    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen: Mapped[int] = mapped_column(BigInteger)
