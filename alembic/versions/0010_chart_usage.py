"""How many points all charts of one owner have, counted as series come, change and go.

By triggers: it is right whoever writes, a process of an older release among them, and also where
the database removes what hangs on what is removed.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ADD = """
INSERT INTO chart_usage (owner_id, points)
SELECT owner_id, {} FROM charts WHERE id = NEW.chart_id
ON CONFLICT (owner_id) DO UPDATE SET points = chart_usage.points + excluded.points
"""
# Of what goes with its chart nobody knows the owner any more, and it has been counted by then.
DROP = """
UPDATE chart_usage SET points = points - OLD.count
WHERE owner_id = (SELECT owner_id FROM charts WHERE id = OLD.chart_id)
"""
DROP_CHART = """
UPDATE chart_usage SET points = points - (
  SELECT COALESCE(SUM(count), 0) FROM chart_series WHERE chart_id = OLD.id
) WHERE owner_id = OLD.owner_id
"""
# Name, when, table, for which rows, and what is done.
TRIGGERS = [
    ("added", "AFTER INSERT", "chart_series", "NEW.count > 0", ADD.format("NEW.count")),
    (
        "changed",
        "AFTER UPDATE OF count",
        "chart_series",
        "NEW.count <> OLD.count",
        ADD.format("NEW.count - OLD.count"),
    ),
    ("dropped", "AFTER DELETE", "chart_series", "OLD.count > 0", DROP),
    ("gone", "BEFORE DELETE", "charts", None, DROP_CHART),
]


def upgrade() -> None:
    op.create_table(
        "chart_usage",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["users.id"],
            name=op.f("fk_chart_usage_owner_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_chart_usage")),
    )
    make = _make_on_postgres if op.get_bind().dialect.name == "postgresql" else _make_on_sqlite
    for trigger in TRIGGERS:
        make(*trigger)
    op.execute(
        "INSERT INTO chart_usage (owner_id, points) SELECT c.owner_id, SUM(s.count) "
        "FROM charts c JOIN chart_series s ON s.chart_id = c.id GROUP BY c.owner_id"
    )


def downgrade() -> None:
    for name, _, table, _, _ in TRIGGERS:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER chart_points_{name} ON {table}")
            op.execute(f"DROP FUNCTION chart_points_{name}()")
        else:
            op.execute(f"DROP TRIGGER chart_points_{name}")
    op.drop_table("chart_usage")


def _make_on_sqlite(name: str, when: str, table: str, condition: str | None, does: str) -> None:
    where = f"WHEN {condition}" if condition else ""
    op.execute(f"CREATE TRIGGER chart_points_{name} {when} ON {table} {where} BEGIN {does}; END")


def _make_on_postgres(name: str, when: str, table: str, condition: str | None, does: str) -> None:
    row = "OLD" if "DELETE" in when else "NEW"
    op.execute(
        f"CREATE FUNCTION chart_points_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {does}; RETURN {row}; END $$"
    )
    where = f"WHEN ({condition})" if condition else ""
    op.execute(
        f"CREATE TRIGGER chart_points_{name} {when} ON {table} FOR EACH ROW {where} "
        f"EXECUTE FUNCTION chart_points_{name}()"
    )
