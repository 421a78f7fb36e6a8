"""Alerts as answers."""

from typing import Any

from tradeapi.alerts.models import Alert


def document(alert: Alert, symbol: str) -> dict[str, Any]:
    return {
        "id": str(alert.id),
        "symbol": symbol,
        "conditions": alert.conditions,
        "match": alert.match,
        "repeat": alert.is_repeating,
        "cool_down": alert.cool_down,
        "expires_at": alert.expires_at,
        "note": alert.note,
        "channels": alert.channels,
        "status": alert.status,
        "fired_count": alert.fired_count,
        "fired_at": alert.fired_at,
        "fired_price": alert.fired_price,
        "watchlist_id": None if alert.watchlist_id is None else str(alert.watchlist_id),
        "purpose": alert.purpose,
        "version": alert.version,
        "created_at": alert.created_at,
        "updated_at": alert.updated_at,
    }
