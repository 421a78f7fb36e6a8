"""The table of what was done about backups; times are seconds since 1970."""

from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base

LONGEST_DETAIL = 1000


class Kind(StrEnum):
    CREATE = "create"
    VERIFY = "verify"
    DRILL = "drill"


class BackupRun(Base):
    """One that has ended. `backup` null: there was none; `bytes` are those of its file."""

    __tablename__ = "backup_runs"
    __table_args__ = (Index("ix_backup_runs_kind_id", "kind", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[Kind] = mapped_column(String(6))
    backup: Mapped[str | None] = mapped_column(String(40))
    started_at: Mapped[float] = mapped_column(Float)
    finished_at: Mapped[float] = mapped_column(Float)
    ok: Mapped[bool] = mapped_column(Boolean)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(String(LONGEST_DETAIL))
