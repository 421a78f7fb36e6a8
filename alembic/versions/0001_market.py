"""Exchanges, symbols, bars and what hangs on them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "bar_blocks",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("resolution", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("symbol_id", "resolution", "start", name=op.f("pk_bar_blocks")),
        postgresql_partition_by="RANGE (resolution, start)",
    )
    if op.get_context().dialect.name == "postgresql":
        # Compressing float64 prices costs every reader and saves next to nothing.
        op.execute("ALTER TABLE bar_blocks ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "calendars",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("sessions", sa.LargeBinary(), nullable=False),
        sa.Column("built_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_calendars")),
    )
    op.create_table(
        "exchanges",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("calendar", sa.String(length=32), server_default="24x7", nullable=False),
        sa.Column("currency", sa.String(length=8), server_default="USD", nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_exchanges")),
    )
    op.create_table(
        "former_symbols",
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_former_symbols")),
    )
    op.create_table(
        "symbols",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("exchange", sa.String(length=16), nullable=False),
        sa.Column("ticker", sa.String(length=48), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("type", sa.String(length=16), server_default="stock", nullable=False),
        sa.Column("currency", sa.String(length=8), server_default="USD", nullable=False),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("calendar", sa.String(length=32), nullable=True),
        sa.Column("tick_size", sa.Float(), nullable=True),
        sa.Column("basis", sa.String(length=8), server_default="raw", nullable=False),
        sa.Column("extended_hours", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange"], ["exchanges.code"], name=op.f("fk_symbols_exchange_exchanges")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symbols")),
        sa.UniqueConstraint("symbol", name=op.f("uq_symbols_symbol")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_symbols_exchange"), "symbols", ["exchange"], unique=False)
    op.create_index(op.f("ix_symbols_ticker"), "symbols", ["ticker"], unique=False)
    op.create_table(
        "bar_rows",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("resolution", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("open", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("close", sa.Float(), nullable=False),
        sa.Column("volume", sa.Float(), nullable=False),
        sa.Column("native", sa.Float(), nullable=False),
        sa.Column("first_tick", sa.Float(), nullable=True),
        sa.Column("last_tick", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_bar_rows_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "resolution", "time", name=op.f("pk_bar_rows")),
    )
    op.create_table(
        "bar_series",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("resolution", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_bar_series_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "resolution", name=op.f("pk_bar_series")),
    )
    op.create_table(
        "corporate_actions",
        sa.Column("symbol_id", sa.Integer(), nullable=False),
        sa.Column("ex_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_corporate_actions_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "ex_date", "kind", name=op.f("pk_corporate_actions")),
    )
    op.create_table(
        "heads",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.Float(), server_default="0", nullable=False),
        sa.Column("last", sa.Float(), nullable=True),
        sa.Column("last_time", sa.Float(), nullable=True),
        sa.Column("day", sa.BigInteger(), nullable=True),
        sa.Column("open", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("volume", sa.Float(), nullable=True),
        sa.Column("previous_close", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_heads_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", name=op.f("pk_heads")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "shares_outstanding",
        sa.Column("symbol_id", sa.Integer(), nullable=False),
        sa.Column("effective", sa.Date(), nullable=False),
        sa.Column("shares", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_shares_outstanding_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "effective", name=op.f("pk_shares_outstanding")),
    )
    op.create_table(
        "tick_ids",
        sa.Column("symbol_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_tick_ids_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("symbol_id", "id", name=op.f("pk_tick_ids")),
    )
    op.create_index("ix_tick_ids_seen", "tick_ids", ["seen"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_tick_ids_seen", table_name="tick_ids")
    op.drop_table("tick_ids")
    op.drop_table("shares_outstanding")
    op.drop_table("heads")
    op.drop_table("corporate_actions")
    op.drop_table("bar_series")
    op.drop_table("bar_rows")
    op.drop_index(op.f("ix_symbols_ticker"), table_name="symbols")
    op.drop_index(op.f("ix_symbols_exchange"), table_name="symbols")
    op.drop_table("symbols")
    op.drop_table("former_symbols")
    op.drop_table("exchanges")
    op.drop_table("calendars")
    op.drop_table("bar_blocks")
