"""The tables of charts; times are seconds since 1970, JSON is kept as it is answered."""

from uuid import UUID

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tradeapi.auth.models import ShareRow
from tradeapi.database import Base


class Chart(Base):
    """A document of somebody's; `version` rises when it changes, not with its points.

    `revision` counts the changes of both, in the order in which they are committed.
    """

    __tablename__ = "charts"
    __table_args__ = (
        Index("ix_charts_owner_id_id", "owner_id", "id"),
        Index("uq_charts_owner_id_name", "owner_id", "name", unique=True),
        Index("ix_charts_accessed_at", "accessed_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # What the owner calls it in addresses, if anything.
    name: Mapped[str | None] = mapped_column(String(128))
    title: Mapped[str] = mapped_column(String(200))
    options: Mapped[bytes] = mapped_column(LargeBinary)
    # The options of each pane, a line each.
    panes: Mapped[bytes] = mapped_column(LargeBinary)
    drawings: Mapped[bytes] = mapped_column(LargeBinary)
    annotations: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(Integer)
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)
    # Null for charts that do not expire.
    accessed_at: Mapped[float | None] = mapped_column(Float)

    series: Mapped[list["Series"]] = relationship(
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="(Series.pane, Series.place)",
    )

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.version}"'


class Series(Base):
    """One series of a chart; `source` says where its points come from, null: they are pushed.

    `version` rises with each change of its points, of which there are `count`.
    """

    __tablename__ = "chart_series"
    __table_args__ = (Index("uq_chart_series_chart_id_name", "chart_id", "name", unique=True),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    chart_id: Mapped[UUID] = mapped_column(ForeignKey("charts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(128))
    pane: Mapped[int] = mapped_column(Integer)
    place: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(String(16))
    options: Mapped[bytes] = mapped_column(LargeBinary)
    source: Mapped[bytes | None] = mapped_column(LargeBinary)
    count: Mapped[int] = mapped_column(Integer)
    first: Mapped[float | None] = mapped_column(Float)
    last: Mapped[float | None] = mapped_column(Float)
    version: Mapped[int] = mapped_column(BigInteger)


class Chunk(Base):
    """Some points of a series, one after the other; see `chunks` for how many, `points` for how."""

    __tablename__ = "chart_points"

    series_id: Mapped[UUID] = mapped_column(
        ForeignKey("chart_series.id", ondelete="CASCADE"), primary_key=True
    )
    start: Mapped[float] = mapped_column(Float, primary_key=True)
    last: Mapped[float] = mapped_column(Float)
    count: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ChartUsage(Base):
    """How many points all charts of one owner have; the database's own triggers count them.

    Nobody else writes it. A row is locked from the change of a count until that is committed.
    """

    __tablename__ = "chart_usage"

    owner_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    points: Mapped[int] = mapped_column(BigInteger)


class ChartShare(ShareRow):
    """A share of a chart."""

    __tablename__ = "chart_shares"
    __table_args__ = (Index("ix_chart_shares_expires_at", "expires_at"),)

    thing: Mapped[UUID] = mapped_column(
        "chart_id", ForeignKey("charts.id", ondelete="CASCADE"), index=True
    )
