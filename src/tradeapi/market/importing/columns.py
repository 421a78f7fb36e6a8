"""Which column of a file holds what, told by its name."""

import re
from collections.abc import Mapping, Sequence

from tradeapi.market.importing.tables import Unusable

Roles = Mapping[str, tuple[str, ...]]

_NOT_LETTERS = re.compile(r"[^a-z0-9]")


def recognise(names: Sequence[str], roles: Roles) -> dict[str, str]:
    """The column of each role that the file has; of several names the one listed first.

    Only letters and digits count, in any case: `Adj Close` is `adj_close`.
    """
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(_NOT_LETTERS.sub("", name.lower()), name)
    return {
        role: known[alias]
        for role, aliases in roles.items()
        if (alias := next((alias for alias in aliases if alias in known), None)) is not None
    }


def require(
    found: Mapping[str, str], roles: Sequence[str], known: Roles, names: Sequence[str]
) -> None:
    """Raise Unusable, which names what there is and what is missing."""
    missing = [role for role in roles if role not in found]
    if missing:
        wanted = "; ".join(f"{role} ({', '.join(known[role])})" for role in missing)
        there = ", ".join(repr(name[:30]) for name in names[:20]) or "none"
        raise Unusable(f"it has no column for {wanted}. Its columns are {there}")
