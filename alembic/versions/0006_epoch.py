"""What the versions of this database are told from those of others by."""

import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    epoch = op.create_table(
        "epoch",
        sa.Column("value", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_epoch")),
    )
    op.bulk_insert(epoch, [{"value": secrets.token_hex(4)}])


def downgrade() -> None:
    op.drop_table("epoch")
