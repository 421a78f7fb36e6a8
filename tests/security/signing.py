"""Keys, and tokens signed with them as anybody could who has one: without our own code."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jose import jwk
from pydantic import SecretStr

from tradeapi.security.secrets import Secrets
from tradeapi.security.share_tokens import ShareTokens
from tradeapi.security.tokens import AccessTokens
from tradeapi.settings import Settings

SECRET = "the secret of the tests, which is long enough"  # noqa: S105

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Sign = Callable[[bytes], bytes]


def tokens(
    secret: str = SECRET,
    *,
    former: tuple[str, ...] = (),
    pem: str | None = None,
    previous: str | None = None,
    minutes: int = 15,
) -> AccessTokens:
    """As SECRET_KEY, PREVIOUS_SECRET_KEYS, JWT_PRIVATE_KEY and JWT_PREVIOUS_KEYS have them."""
    settings = Settings(
        secret_key=SecretStr(secret),
        previous_secret_keys=tuple(map(SecretStr, former)),
        jwt_private_key=None if pem is None else SecretStr(pem),
        jwt_previous_keys=None if previous is None else SecretStr(previous),
        access_token_expire_minutes=minutes,
    )
    return AccessTokens.of(settings, Secrets.of(settings))


def share_tokens(
    secret: str = SECRET, *, former: tuple[str, ...] = (), pem: str | None = None
) -> ShareTokens:
    settings = Settings(
        secret_key=SecretStr(secret),
        previous_secret_keys=tuple(map(SecretStr, former)),
        jwt_private_key=None if pem is None else SecretStr(pem),
    )
    return ShareTokens.of(settings, Secrets.of(settings))


@cache
def key_for(algorithm: str, number: int = 0) -> PrivateKey:
    """Making an RSA key takes a while, so each is made once; another number, another key."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048 + 8 * number)


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_bytes(key: PrivateKey, encoding: Encoding = Encoding.PEM) -> bytes:
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def public_pem(key: PrivateKey) -> str:
    return public_bytes(key).decode()


def signer(key: bytes | str, algorithm: str) -> Sign:
    return jwk.construct(key, algorithm).sign


def mac(secret: bytes) -> Sign:
    """HS256 with anything; jose refuses what looks like a public key."""
    return lambda content: hmac.digest(secret, content, "sha256")


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "==")


def forged(header: Mapping[str, object], payload: Mapping[str, object], sign: Sign) -> str:
    # The order of the fields is as given, and without spaces.
    segments = [json.dumps(part, separators=(",", ":")).encode() for part in (header, payload)]
    content = ".".join(map(encoded, segments))
    return f"{content}.{encoded(sign(content.encode()))}"


def parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and payload, unverified."""
    header, payload, _ = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(payload))
