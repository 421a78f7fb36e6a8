"""The tables of users and of what they identify themselves with; times are seconds since 1970."""

from uuid import UUID

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from tradeapi.database import Base


class User(Base):
    """Somebody with an account; `scopes` are separated by spaces, and an admin has all."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    # In lower case, since that is how people compare addresses.
    email: Mapped[str] = mapped_column(String(254), unique=True)
    # Null where nobody can log in with a password.
    password_hash: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(8))
    scopes: Mapped[str] = mapped_column(String(64))
    is_disabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    verified_at: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.version}"'


class Login(Base):
    """One login of a user, from the password to the logout: a family of refresh tokens."""

    __tablename__ = "logins"
    __table_args__ = (Index("ix_logins_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float] = mapped_column(Float)
    used_at: Mapped[float] = mapped_column(Float)
    # The sooner of its two ends: too long unused, too long altogether.
    expires_at: Mapped[float] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)
    address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(200))


class RefreshToken(Base):
    """One of a login's tokens, of which each is good once."""

    __tablename__ = "refresh_tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float] = mapped_column(Float)
    used_at: Mapped[float | None] = mapped_column(Float)


class ApiKey(Base):
    """A key for programs; `prefix` is its public part, `hash` is keyed with our secret."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(64))
    # Requests a minute, where they are others than those of the user.
    rate: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float | None] = mapped_column(Float)
    used_at: Mapped[float | None] = mapped_column(Float)
    revoked_at: Mapped[float | None] = mapped_column(Float)


class PathToken(Base):
    """A token for addresses; what it may do follows from its kind. The rest is as of a key."""

    __tablename__ = "path_tokens"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(16))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float | None] = mapped_column(Float)
    used_at: Mapped[float | None] = mapped_column(Float)
    revoked_at: Mapped[float | None] = mapped_column(Float)


class Ticket(Base):
    """Something handed out that is good for a while: for sockets, streams and mails."""

    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_expires_at", "expires_at"),)

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # The login or key that asked for it, and what that may do.
    login_id: Mapped[UUID | None] = mapped_column(Uuid)
    key_id: Mapped[UUID | None] = mapped_column(Uuid)
    scopes: Mapped[str] = mapped_column(String(64))
    rate: Mapped[int | None] = mapped_column(Integer)
    expires_at: Mapped[float] = mapped_column(Float)
    # When what it stands for ends.
    ends_at: Mapped[float | None] = mapped_column(Float)


class Revocation(Base):
    """News for all processes: what ended, and when; kept as long as anybody may not know it."""

    __tablename__ = "revocations"
    __table_args__ = (Index("ix_revocations_at", "at"),)

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    subject: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    at: Mapped[float] = mapped_column(Float)


class AuditEntry(Base):
    """Who did what to what, from where, and how it went; nothing changes or removes one."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_actor_id", "actor", "id"),
        Index("ix_audit_action_id", "action", "id"),
        Index("ix_audit_target_id", "target", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    at: Mapped[float] = mapped_column(Float)
    # No foreign key: the record outlives the user.
    actor: Mapped[UUID | None] = mapped_column(Uuid)
    action: Mapped[str] = mapped_column(String(40))
    target: Mapped[str | None] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(200))
    request_id: Mapped[str] = mapped_column(String(64))


class ShareRow(Base):
    """A share of `thing`, for its owner to end it; the token is nowhere."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    created_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    thing: Mapped[UUID]
