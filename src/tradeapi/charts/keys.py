"""What charts are asked for by, and ids as raw SQL takes them."""

from typing import Any
from uuid import UUID

from tradeapi.drivers import Raw

# An id of a chart or a series, as the driver takes it.
Key = Any


def as_key(raw: Raw, id: UUID) -> Key:
    return id.hex if raw.dialect == "sqlite" else id


def as_id(name: str) -> UUID | None:
    """What may be an id or a name, if it is an id: in its one spelling, which shares have, too."""
    try:
        id = UUID(name)
    except ValueError:
        return None
    return id if str(id) == name else None
