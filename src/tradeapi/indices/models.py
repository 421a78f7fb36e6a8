"""The tables of indices; times are seconds since 1970, days the 00:00 UTC of sessions."""

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
    LargeBinary,
    String,
    Text,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class IndexDefinition(Base):
    """An index, and how far it is built; it goes with its symbol.

    `version` rises when it is edited, `revision` with each build that is published. `methodology`
    names the rules of what is published, `is_static` that it rests on undated share counts, and
    `cut_off` when its data was read.
    """

    __tablename__ = "indices"
    # The id of a deleted index is not given to the next one: others may still know it.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    symbol_id: Mapped[int] = mapped_column(
        ForeignKey("symbols.id", ondelete="CASCADE"), unique=True
    )
    # Who is told of builds that fail.
    owner_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(8))
    calendar: Mapped[str] = mapped_column(String(32))
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)
    revision: Mapped[int] = mapped_column(Integer, server_default="0")
    first_day: Mapped[int | None] = mapped_column(BigInteger)
    last_day: Mapped[int | None] = mapped_column(BigInteger)
    methodology: Mapped[str | None] = mapped_column(String(64))
    is_static: Mapped[bool | None] = mapped_column(Boolean)
    cut_off: Mapped[float | None] = mapped_column(Float)
    built_at: Mapped[float | None] = mapped_column(Float)

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.version}"'


class IndexBuild(Base):
    """One run over the sessions from `start_day` to `end_day`; its id is that of its job.

    `status` is `running`, `published`, `held` (its data did not pass), `failed` or `cancelled`.
    """

    __tablename__ = "index_builds"
    __table_args__ = (Index("ix_index_builds_index_id_id", "index_id", "id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    index_id: Mapped[int] = mapped_column(ForeignKey("indices.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(9))
    start_day: Mapped[int | None] = mapped_column(BigInteger)
    end_day: Mapped[int | None] = mapped_column(BigInteger)
    sessions: Mapped[int] = mapped_column(Integer)
    methodology: Mapped[str] = mapped_column(String(64))
    is_static: Mapped[bool | None] = mapped_column(Boolean)
    cut_off: Mapped[float] = mapped_column(Float)
    revision: Mapped[int | None] = mapped_column(Integer)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created_at: Mapped[float] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)


class IndexSession(Base):
    """An index after the close of one session; see `packing` for the two columns of bytes.

    What a build has come to so far `is_staged`: nobody sees it until all of it is published.
    """

    __tablename__ = "index_sessions"

    index_id: Mapped[int] = mapped_column(
        ForeignKey("indices.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    is_staged: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    day: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    level: Mapped[float] = mapped_column(Float)
    divisor: Mapped[float] = mapped_column(Float)
    turnover: Mapped[float] = mapped_column(Float)
    members: Mapped[bytes] = mapped_column(LargeBinary)
    before: Mapped[bytes | None] = mapped_column(LargeBinary)
