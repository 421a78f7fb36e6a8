"""Secrets of webhooks, and what is signed with them."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import orjson
from standardwebhooks import Webhook as Signer

from tradeapi.notifications.notices import Notice

SECRET_BYTES = 32
# How long the secret of before signs, too, when there is a new one.
OVERLAP_SECONDS = 24 * 3600.0


def new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def body_of(id: UUID, notice: Notice) -> str:
    """The same text at each attempt: a signature is one of bytes."""
    notification = {
        "id": str(id),
        "title": notice.title,
        "text": notice.text,
        "is_test": notice.is_test,
    }
    message = {
        "type": notice.type,
        "timestamp": datetime.fromtimestamp(notice.time, UTC),
        "data": {**notice.data, "notification": notification},
    }
    return orjson.dumps(message, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()


def headers_of(message: UUID, body: str, now: float, keys: Sequence[str]) -> dict[str, str]:
    """With a signature by each of the keys: whoever knows one of them can verify it."""
    time = datetime.fromtimestamp(int(now), UTC)
    signatures = [Signer(key).sign(str(message), time, body) for key in keys]
    return {
        "content-type": "application/json",
        "webhook-id": str(message),
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signatures),
    }
