"""The table of the last ticks of crons; the queue's own tables are written by hand, as rows."""

from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class Tick(Base):
    """The last one that a process has taken, in seconds since 1970."""

    __tablename__ = "crons"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    tick: Mapped[float] = mapped_column(Float)
