"""The tables of what TradingView's charts save; times are seconds since 1970.

`client` and `namespace` are what the client calls itself and its user: they keep apart what one
owner saves for several pages, and prove nothing.
"""

from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class Layout(Base):
    """A chart as its user has left it. Nobody here reads `content`, so it is bytes."""

    __tablename__ = "layouts"
    __table_args__ = (Index("ix_layouts_user_id", "user_id", "client", "namespace"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    client: Mapped[str] = mapped_column(String(100))
    namespace: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    symbol: Mapped[str] = mapped_column(String(200))
    resolution: Mapped[str] = mapped_column(String(20))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    saved_at: Mapped[float] = mapped_column(Float)


class Template(Base):
    """Settings under a name: of studies, of whole charts, or of one drawing tool."""

    __tablename__ = "layout_templates"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    client: Mapped[str] = mapped_column(String(100), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(100), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    # Empty unless it is of a drawing tool.
    tool: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Drawing(Base):
    """A drawing on one chart of a layout (`kind`: source), or a group of such."""

    __tablename__ = "layout_drawings"

    layout_id: Mapped[UUID] = mapped_column(
        ForeignKey("layouts.id", ondelete="CASCADE"), primary_key=True
    )
    chart: Mapped[str] = mapped_column(String(100), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
