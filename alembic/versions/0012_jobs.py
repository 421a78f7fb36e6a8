"""Background jobs: pgqueuer's tables on PostgreSQL, one like its own on SQLite; ticks of crons."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.schema_ddl import render_converge, render_uninstall

from tradeapi.jobs.names import NAMES

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "crons",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("tick", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_crons")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _create_jobs()
    else:
        for statement in render_converge(NAMES):
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("jobs")
    else:
        for statement in render_uninstall(NAMES).splitlines():
            op.get_bind().exec_driver_sql(statement)
    op.drop_table("crons")


def _create_jobs() -> None:
    for statement in (
        # No id is given twice: what a job was begun with must not be said of another one.
        """
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            entrypoint TEXT NOT NULL,
            dedupe_key TEXT,
            payload BLOB NOT NULL,
            headers TEXT NOT NULL DEFAULT '{}',
            attempts INTEGER NOT NULL DEFAULT 0,
            status TEXT NOT NULL DEFAULT 'queued',
            queue_manager_id TEXT,
            created FLOAT NOT NULL,
            updated FLOAT NOT NULL DEFAULT 0,
            heartbeat FLOAT NOT NULL DEFAULT 0,
            execute_after FLOAT NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX uq_jobs_dedupe_key ON jobs (dedupe_key) WHERE status <> 'failed'",
        "CREATE INDEX ix_jobs_entrypoint_status ON jobs (entrypoint, status, execute_after)",
    ):
        op.get_bind().exec_driver_sql(statement)
