"""What counts the changes of a chart, of whatever kind."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    counter = sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("charts", counter)


def downgrade() -> None:
    op.drop_column("charts", "revision")
