"""SECRET_KEY and its predecessors, the keys made of them, and secrets that are drawn."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tradeapi.settings import Settings


@dataclass(frozen=True, slots=True)
class Secrets:
    """What `current` makes is new; what a secret in `previous` made is still good."""

    current: str = field(repr=False)
    previous: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            settings.secret_key.get_secret_value(),
            tuple(secret.get_secret_value() for secret in settings.previous_secret_keys),
        )

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """A key of 256 bits of each secret, the current one's first; purposes share none."""
        info = f"tradeapi: {purpose}".encode()
        return tuple(
            HKDF(SHA256(), length=32, salt=None, info=info).derive(secret.encode())
            for secret in (self.current, *self.previous)
        )


def new_secret() -> str:
    """256 random bits, in characters that a URL may hold."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of a random secret; a password, which can be guessed, needs more."""
    # What a client sends need not be Unicode.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
