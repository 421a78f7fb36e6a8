"""The table of the answers that are given again; see `claims`."""

from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class KeptAnswer(Base):
    """The first answer to a request that came with a key; times are seconds since 1970."""

    __tablename__ = "kept_answers"
    __table_args__ = (Index("ix_kept_answers_expires_at", "expires_at"),)

    # A digest of the user, the route and the key.
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    # A digest of the address and the body.
    fingerprint: Mapped[str] = mapped_column(String(64))
    # Encrypted: it may hold a secret that is shown once.
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[float] = mapped_column(Float)
