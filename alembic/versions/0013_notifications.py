"""Inboxes, what is in them, how their owners want to be told, and mails on their way."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "inboxes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("swept", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("is_mail_due", sa.Boolean(), nullable=False),
        _of_user("inboxes"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_inboxes")),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("marked", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("read_at", sa.Float(), nullable=True),
        _of_user("notifications"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index(
        "uq_notifications_user_id_seq", "notifications", ["user_id", "seq"], unique=True
    )
    op.create_index(
        "uq_notifications_user_id_key", "notifications", ["user_id", "key"], unique=True
    )
    _create_partial(
        "ix_notifications_unread", "notifications", ["user_id", "seq"], "read_at IS NULL"
    )
    _create_partial(
        "ix_notifications_marked", "notifications", ["user_id", "marked"], "marked IS NOT NULL"
    )
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_to", sa.Integer(), nullable=True),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("mail", sa.Boolean(), nullable=False),
        sa.Column("digest_minute", sa.Integer(), nullable=True),
        sa.Column("digest_at", sa.Float(), nullable=True),
        sa.Column("digest_day", sa.String(length=10), nullable=True),
        sa.Column("digest_seq", sa.BigInteger(), nullable=False),
        _of_user("notification_preferences"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notification_preferences")),
    )
    _create_partial(
        "ix_notification_preferences_digest_at",
        "notification_preferences",
        ["digest_at"],
        "digest_at IS NOT NULL",
    )
    op.create_table(
        "mail_items",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_mail_items_notification_id_notifications"),
            ondelete="CASCADE",
        ),
        _of_user("mail_items"),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_mail_items")),
    )
    op.create_index(op.f("ix_mail_items_user_id"), "mail_items", ["user_id"])
    op.create_table(
        "sent_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.Float(), nullable=False),
        _of_user("sent_mails"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sent_mails")),
    )
    op.create_index("ix_sent_mails_user_id_sent_at", "sent_mails", ["user_id", "sent_at"])
    op.create_table(
        "digests",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.Float(), nullable=False),
        _of_user("digests"),
        sa.PrimaryKeyConstraint("user_id", "day", name=op.f("pk_digests")),
    )


def downgrade() -> None:
    op.drop_table("digests")
    op.drop_table("sent_mails")
    op.drop_table("mail_items")
    op.drop_table("notification_preferences")
    op.drop_table("notifications")
    op.drop_table("inboxes")


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_user_id_users")
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")


def _create_partial(name: str, table: str, columns: Sequence[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
