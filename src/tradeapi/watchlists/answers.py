"""Watchlists as answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tradeapi.watchlists.items import Listed
from tradeapi.watchlists.models import Watchlist
from tradeapi.watchlists.schemas import Priority

RECENT_SECONDS = 7 * 86_400
MOST_RECENT = 10


def summary(watchlist: Watchlist, *, place: int, count: int) -> dict[str, Any]:
    return {
        "id": str(watchlist.id),
        "name": watchlist.name,
        "position": place,
        "count": count,
        "version": watchlist.version,
        "created_at": watchlist.created_at,
        "updated_at": watchlist.updated_at,
    }


def document(watchlist: Watchlist, *, place: int, listed: Sequence[Listed]) -> dict[str, Any]:
    """With all that is on it."""
    return {
        **summary(watchlist, place=place, count=len(listed)),
        "items": items_of(listed),
    }


def items_of(listed: Sequence[Listed]) -> list[dict[str, Any]]:
    return [item(one) for one in listed]


def item(listed: Listed) -> dict[str, Any]:
    own = listed.item
    return {
        "symbol": listed.symbol,
        "name": listed.name if own.name is None else own.name,
        "position": listed.place,
        "category": own.category,
        "notes": own.notes,
        "priority": own.priority,
        "tags": own.tags,
        "added_at": own.added_at,
        "added_price": own.added_price,
        "target_price": own.target_price,
        "stop_loss": own.stop_loss,
        "alert_enabled": own.alert_enabled,
    }


def stats(listed: Sequence[Listed], now: float) -> Mapping[str, Any]:
    items = [one.item for one in listed]
    priorities = Counter(item.priority for item in items)
    recent = [one for one in listed if one.item.added_at > now - RECENT_SECONDS]
    recent.sort(key=lambda one: one.item.added_at, reverse=True)
    return {
        "count": len(items),
        "by_category": _counts("category", [item.category for item in items]),
        "by_priority": {priority: priorities[priority] for priority in Priority},
        "by_tag": _counts("tag", [tag for item in items for tag in item.tags]),
        "recently_added": [one.symbol for one in recent[:MOST_RECENT]],
        "with_notes": sum(bool(item.notes) for item in items),
        "with_alerts": sum(item.alert_enabled for item in items),
    }


def _counts(name: str, values: Sequence[str | None]) -> list[dict[str, Any]]:
    """The most frequent first, those alike by name."""
    counts = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0] or ""))
    return [{name: value, "count": count} for value, count in counts]
