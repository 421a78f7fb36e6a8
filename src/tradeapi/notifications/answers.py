"""Notifications as they are told, over HTTP and on the stream."""

from collections.abc import Mapping

from tradeapi.notifications.models import Notification


def document(notification: Notification) -> Mapping[str, object]:
    return {
        "id": notification.id,
        "seq": notification.seq,
        "type": notification.type,
        "title": notification.title,
        "text": notification.text,
        "data": notification.data,
        "is_test": notification.is_test,
        "time": notification.time,
        "created_at": notification.created_at,
        "read_at": notification.read_at,
    }
