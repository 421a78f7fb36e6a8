"""Secrets of users that we have to know again, encrypted in the database."""

from base64 import urlsafe_b64encode
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tradeapi.security.secrets import Secrets


class Lost(Exception):
    """It was put away under a SECRET_KEY that is neither the current nor a previous one."""


class Safe:
    """Whoever reads the database alone does not have what is in it."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        """The first encrypts; all of them are good."""
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

    @classmethod
    def of(cls, secrets: Secrets, purpose: str) -> Self:
        return cls(secrets.derive(purpose))

    def close(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises Lost."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise Lost from error
