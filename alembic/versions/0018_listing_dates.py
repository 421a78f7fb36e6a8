"""From when until when a symbol is listed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("symbols", sa.Column("listed_from", sa.Date(), nullable=True))
    op.add_column("symbols", sa.Column("listed_to", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("symbols", "listed_to")
    op.drop_column("symbols", "listed_from")
