"""Notifications as they are told on the stream."""

from collections.abc import Mapping
from typing import Any

FIELDS = (
    "seq",
    "type",
    "title",
    "text",
    "data",
    "is_test",
    "time",
    "created_at",
    "read_at",
)


def document(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a row of the table."""
    # Of a UUID asyncpg has a type of its own.
    return {"id": str(row["id"]), **{field: row.get(field) for field in FIELDS}}
