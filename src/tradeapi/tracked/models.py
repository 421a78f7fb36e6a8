"""The table of jobs that are watched; times are seconds since 1970."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base

LONGEST_MESSAGE = 200


class Status(StrEnum):
    """`queued`: nobody is at it, also between two tries."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
_IS_UNFINISHED = text("finished_at IS NULL")


class TrackedJob(Base):
    """One job, from when it is asked for until some days after its end.

    `user_id` null: nobody has asked for it, and admins alone see it. Of those that have not ended
    one has a `key`. `attempt` counts how often it was begun: who began it before the last time has
    no say in it any more. `version` rises with each change.
    """

    __tablename__ = "tracked_jobs"
    __table_args__ = (
        Index("ix_tracked_jobs_user_id_id", "user_id", "id"),
        Index(
            "uq_tracked_jobs_key",
            "key",
            unique=True,
            postgresql_where=_IS_UNFINISHED,
            sqlite_where=_IS_UNFINISHED,
        ),
        Index("ix_tracked_jobs_finished_at", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(100))
    key: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(9))
    progress: Mapped[float] = mapped_column(Float)
    message: Mapped[str] = mapped_column(String(LONGEST_MESSAGE))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    cancel_requested: Mapped[bool] = mapped_column(Boolean)
    attempt: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)

    @property
    def status_url(self) -> str:
        return f"/api/v1/jobs/{self.id}"
