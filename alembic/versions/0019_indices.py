"""Indices, their builds, and what they hold after each session."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "indices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("symbol_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("calendar", sa.String(length=32), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_day", sa.BigInteger(), nullable=True),
        sa.Column("last_day", sa.BigInteger(), nullable=True),
        sa.Column("methodology", sa.String(length=64), nullable=True),
        sa.Column("is_static", sa.Boolean(), nullable=True),
        sa.Column("cut_off", sa.Float(), nullable=True),
        sa.Column("built_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_indices_owner_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["symbol_id"],
            ["symbols.id"],
            name=op.f("fk_indices_symbol_id_symbols"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indices")),
        sa.UniqueConstraint("code", name=op.f("uq_indices_code")),
        sa.UniqueConstraint("symbol_id", name=op.f("uq_indices_symbol_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_indices_owner_id"), "indices", ["owner_id"], unique=False)
    op.create_table(
        "index_builds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("index_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("start_day", sa.BigInteger(), nullable=True),
        sa.Column("end_day", sa.BigInteger(), nullable=True),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("methodology", sa.String(length=64), nullable=False),
        sa.Column("is_static", sa.Boolean(), nullable=True),
        sa.Column("cut_off", sa.Float(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["index_id"],
            ["indices.id"],
            name=op.f("fk_index_builds_index_id_indices"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_builds")),
    )
    op.create_index("ix_index_builds_index_id_id", "index_builds", ["index_id", "id"])
    op.create_table(
        "index_sessions",
        sa.Column("index_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_staged", sa.Boolean(), nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("divisor", sa.Float(), nullable=False),
        sa.Column("turnover", sa.Float(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["index_id"],
            ["indices.id"],
            name=op.f("fk_index_sessions_index_id_indices"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("index_id", "is_staged", "day", name=op.f("pk_index_sessions")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Prices hardly shrink, and levels are read without what makes them up.
        for column in ("members", "before"):
            op.execute(f"ALTER TABLE index_sessions ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("index_sessions")
    op.drop_table("index_builds")
    op.drop_table("indices")
