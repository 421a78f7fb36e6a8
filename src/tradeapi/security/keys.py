"""The keys of access tokens: made of SECRET_KEY, or read from JWT_PRIVATE_KEY."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import SecretStr

from tradeapi.errors import NotStarted
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings

FEWEST_RSA_BITS = 2048
CURRENT = "JWT_PRIVATE_KEY"
PREVIOUS = "JWT_PREVIOUS_KEYS"

_pem_blocks = re.compile(r"(-----BEGIN ([A-Z ]+)-----.+?-----END \2-----)", re.DOTALL).findall


@dataclass(frozen=True, slots=True)
class Key:
    """A secret, or a public key in PEM form, and the one algorithm it is good for.

    The id follows from the key, so that nobody has to name keys when they change.
    """

    algorithm: str
    verifying: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hashlib.sha256(self.verifying).hexdigest()[:16]

    @property
    def is_secret(self) -> bool:
        return self.algorithm == "HS256"


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """What `signing` signs is verified by the first of those that are `accepted`."""

    signing: bytes = field(repr=False)
    accepted: tuple[Key, ...]

    @classmethod
    def of(cls, settings: Settings, secrets: Secrets) -> Self:
        """Raises NotStarted.

        With JWT_PRIVATE_KEY the secrets are no keys: whoever knows one can't make a
        token. Whoever holds a token of before gets a new one, as if it had expired.
        """
        previous = _previous(settings.jwt_previous_keys)
        if settings.jwt_private_key is not None:
            private = _private(CURRENT, _text(CURRENT, settings.jwt_private_key))
            signing = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            return cls(signing, (_key(CURRENT, private.public_key()), *previous))
        derived = secrets.derive("access tokens")
        return cls(derived[0], (*(Key("HS256", secret) for secret in derived), *previous))


def _previous(value: SecretStr | None) -> tuple[Key, ...]:
    if value is None:
        return ()
    keys = tuple(
        _key(PREVIOUS, _any_public(kind, block))
        for block, kind in _pem_blocks(_text(PREVIOUS, value))
        if kind.endswith("KEY")  # `openssl ecparam` writes its parameters before the key
    )
    if not keys:
        raise NotStarted(f"{PREVIOUS}: has no key in PEM form")
    return keys


def _any_public(kind: str, block: str) -> PublicKeyTypes:
    if kind.endswith("PRIVATE KEY"):
        return _private(PREVIOUS, block).public_key()
    try:
        return load_pem_public_key(block.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotStarted(f"{PREVIOUS}: has a public key that can't be read") from error


def _text(name: str, value: SecretStr) -> str:
    text = value.get_secret_value()
    if "-----BEGIN " in text:
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, ValueError):
        # That error quotes what may be a key without its first line.
        raise NotStarted(f"{name}: is neither a key in PEM form nor a file with one") from None


def _private(name: str, pem: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotStarted(f"{name}: is no private key in PEM form without a password") from error


def _key(name: str, public: PublicKeyTypes) -> Key:
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return Key("ES256", pem)
    if isinstance(public, RSAPublicKey) and public.key_size >= FEWEST_RSA_BITS:
        return Key("RS256", pem)
    raise NotStarted(f"{name}: must be P-256, or RSA of at least {FEWEST_RSA_BITS} bits")
