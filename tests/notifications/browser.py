"""A browser that reads what is pushed to it, as its maker's push service hands it over."""

import os
from base64 import urlsafe_b64encode
from typing import Any

import http_ece
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ENDPOINT = "https://fcm.googleapis.com/fcm/send/c0NJ:APA91bE_x-y"


class Browser:
    def __init__(self, endpoint: str = ENDPOINT) -> None:
        self.endpoint = endpoint
        self._private = generate_private_key(SECP256R1())
        self._auth = os.urandom(16)

    def subscription(self) -> dict[str, Any]:
        """What `JSON.stringify(subscription)` makes of it."""
        point = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": base64url(point), "auth": base64url(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> dict[str, Any]:
        """What its service worker gets."""
        text = http_ece.decrypt(
            body, private_key=self._private, auth_secret=self._auth, version="aes128gcm"
        )
        message: dict[str, Any] = orjson.loads(text)
        return message


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
