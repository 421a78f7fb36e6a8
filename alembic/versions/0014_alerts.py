"""Alerts, also those of items of watchlists, and how far each symbol has been watched for them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("symbol_id", sa.Integer(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("match", sa.String(length=3), nullable=False),
        sa.Column("is_repeating", sa.Boolean(), nullable=False),
        sa.Column("cool_down", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("armed_at", sa.Float(), nullable=False),
        sa.Column("base_version", sa.BigInteger(), nullable=False),
        sa.Column("base_price", sa.Float(), nullable=True),
        sa.Column("base_time", sa.Float(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("fired_count", sa.Integer(), nullable=False),
        sa.Column("fired_at", sa.Float(), nullable=True),
        sa.Column("fired_price", sa.Float(), nullable=True),
        sa.Column("fired_bar", sa.BigInteger(), nullable=True),
        sa.Column("watchlist_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(length=6), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_alerts_owner_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_alerts_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["watchlist_id"],
            ["watchlists.id"],
            name=op.f("fk_alerts_watchlist_id_watchlists"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_owner_id_id", "alerts", ["owner_id", "id"])
    op.create_index("ix_alerts_symbol_id", "alerts", ["symbol_id"])
    op.create_index("ix_alerts_updated_at", "alerts", ["updated_at"])
    op.create_index("ix_alerts_status_expires_at", "alerts", ["status", "expires_at"])
    is_kept = sa.text("watchlist_id IS NOT NULL")
    op.create_index(
        "uq_alerts_watchlist_id_symbol_id_purpose",
        "alerts",
        ["watchlist_id", "symbol_id", "purpose"],
        unique=True,
        sqlite_where=is_kept,
        postgresql_where=is_kept,
    )
    op.create_table(
        "alert_positions",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("price", sa.Float(), nullable=True),
        sa.Column("bar", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("day", sa.BigInteger(), nullable=True),
        sa.Column("day_high", sa.Float(), nullable=True),
        sa.Column("day_low", sa.Float(), nullable=True),
        sa.Column("closed", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_alert_positions_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", name=op.f("pk_alert_positions")),
    )
    is_told_of = sa.Column("alert_enabled", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("watchlist_items", is_told_of)


def downgrade() -> None:
    op.drop_column("watchlist_items", "alert_enabled")
    op.drop_table("alert_positions")
    op.drop_table("alerts")
