"""Charts, their series, points and shares."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "charts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("options", sa.LargeBinary(), nullable=False),
        sa.Column("panes", sa.LargeBinary(), nullable=False),
        sa.Column("drawings", sa.LargeBinary(), nullable=False),
        sa.Column("annotations", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("accessed_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_charts_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charts")),
    )
    op.create_index("ix_charts_owner_id_id", "charts", ["owner_id", "id"], unique=False)
    op.create_index("uq_charts_owner_id_name", "charts", ["owner_id", "name"], unique=True)
    op.create_index("ix_charts_accessed_at", "charts", ["accessed_at"], unique=False)
    op.create_table(
        "chart_series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chart_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("pane", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("options", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first", sa.Float(), nullable=True),
        sa.Column("last", sa.Float(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chart_id"],
            ["charts.id"],
            name=op.f("fk_chart_series_chart_id_charts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chart_series")),
    )
    op.create_index(
        "uq_chart_series_chart_id_name", "chart_series", ["chart_id", "name"], unique=True
    )
    op.create_table(
        "chart_points",
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("last", sa.Float(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["chart_series.id"],
            name=op.f("fk_chart_points_series_id_chart_series"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("series_id", "start", name=op.f("pk_chart_points")),
    )
    if op.get_context().dialect.name == "postgresql":
        # Numbers hardly shrink, and trying to costs more than the disk.
        op.execute("ALTER TABLE chart_points ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "chart_shares",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chart_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chart_id"],
            ["charts.id"],
            name=op.f("fk_chart_shares_chart_id_charts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chart_shares")),
    )
    op.create_index(op.f("ix_chart_shares_chart_id"), "chart_shares", ["chart_id"], unique=False)
    op.create_index("ix_chart_shares_expires_at", "chart_shares", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_chart_shares_expires_at", table_name="chart_shares")
    op.drop_index(op.f("ix_chart_shares_chart_id"), table_name="chart_shares")
    op.drop_table("chart_shares")
    op.drop_table("chart_points")
    op.drop_index("uq_chart_series_chart_id_name", table_name="chart_series")
    op.drop_table("chart_series")
    op.drop_index("ix_charts_accessed_at", table_name="charts")
    op.drop_index("uq_charts_owner_id_name", table_name="charts")
    op.drop_index("ix_charts_owner_id_id", table_name="charts")
    op.drop_table("charts")
