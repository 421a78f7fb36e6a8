"""A browser's subscription, and what is sealed for it and for nobody on the way."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import http_ece
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from py_vapid import Vapid02

from tradeapi.errors import FieldError, Invalid

AUTH_BYTES = 16
# A push service takes 4096 bytes, of which 103 are not the text.
MOST_BYTES = 3900
# How long it may take us, and the push service after us, to reach a browser that is not there.
TTL_SECONDS = 24 * 3600.0
# Push services want less than a day.
TOKEN_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Browser:
    """Where it is reached, and its two keys, in base64url."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `text` was made of."""
        return cls(*orjson.loads(text))

    def text(self) -> str:
        return orjson.dumps([self.endpoint, self.p256dh, self.auth]).decode()

    def check(self) -> Self:
        """Raises Invalid, `bad_push_keys`, for keys with which nothing can be encrypted."""
        try:
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _decoded(self.p256dh))
        except ValueError as error:
            raise _bad("/keys/p256dh", "is no point on P-256") from error
        try:
            is_long_enough = len(_decoded(self.auth)) == AUTH_BYTES
        except ValueError as error:
            raise _bad("/keys/auth", "is no base64url") from error
        if not is_long_enough:
            raise _bad("/keys/auth", f"has not {AUTH_BYTES} bytes")
        return self

    @property
    def origin(self) -> str:
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"

    def encrypt(self, message: bytes) -> bytes:
        """RFC 8291, with a key pair for this message alone."""
        sealed: bytes = http_ece.encrypt(
            message,
            private_key=generate_private_key(SECP256R1()),
            dh=_decoded(self.p256dh),
            auth_secret=_decoded(self.auth),
            version="aes128gcm",
        )
        return sealed

    def headers(self, vapid: Vapid02, contact: str, now: float, ttl: float) -> dict[str, str]:
        claims = {"aud": self.origin, "exp": int(now) + TOKEN_SECONDS, "sub": contact}
        return {
            "authorization": vapid.sign(claims)["Authorization"],
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(int(ttl)),
            "urgency": "high",
        }


def message_of(id: str, type: str, title: str, text: str) -> bytes:
    """What the page's service worker gets; a text that is too long loses its end."""
    message = {"id": id, "type": type, "title": title, "text": text}
    while len(encoded := orjson.dumps(message)) > MOST_BYTES:
        # A character has four bytes at the most.
        cut = (len(encoded) - MOST_BYTES) // 4 + 2
        message["text"] = message["text"][:-cut] + "…"
    return encoded


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _bad(pointer: str, fault: str) -> Invalid:
    detail = f"{pointer[1:]} {fault}."
    return Invalid(detail, code="bad_push_keys", errors=[FieldError(pointer, detail)])
