"""The keys of access tokens: where they come from, and how one takes the place of another."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from jose import jwk
from pydantic import SecretStr

from tests.security.signing import (
    SECRET,
    PrivateKey,
    decoded,
    key_for,
    parts,
    private_pem,
    public_pem,
    tokens,
)
from tradeapi.errors import NotStarted, Unauthenticated
from tradeapi.security.keys import TokenKeys
from tradeapi.security.secrets import Secrets
from tradeapi.security.tokens import AccessTokens
from tradeapi.settings import Settings

NO_PASSWORD = NoEncryption()
NOW = 1_700_000_000.0
USER = UUID("018bcfe5-687b-7a34-b6d1-8568292d7fe5")
OTHER_SECRET = "the secret that comes next, long enough as well"  # noqa: S105
ALGORITHMS = ["ES256", "RS256"]
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def _pem(
    key: PrivateKey | ed25519.Ed25519PrivateKey,
    encryption: KeySerializationEncryption = NO_PASSWORD,
) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def token_of(issuer: AccessTokens) -> str:
    return issuer.issue(subject=USER, session=USER, scopes=["read"], now=NOW).token


def reads(reader: AccessTokens, issuer: AccessTokens) -> bool:
    try:
        return reader.read(token_of(issuer), NOW).subject == USER
    except Unauthenticated:
        return False


def test_a_former_secret_is_good_while_it_is_listed() -> None:
    """So that a new SECRET_KEY logs nobody out."""
    before, after = tokens(), tokens(OTHER_SECRET, former=(SECRET,))
    assert reads(after, before)
    assert reads(after, after)
    assert not reads(before, after)
    assert not reads(tokens(OTHER_SECRET), before)


def test_the_current_secret_signs() -> None:
    """A former one does nothing but verify."""
    after = tokens(OTHER_SECRET, former=(SECRET,))
    assert parts(token_of(after))[0]["kid"] == parts(token_of(tokens(OTHER_SECRET)))[0]["kid"]


@pytest.mark.parametrize("written", [private_pem, public_pem], ids=["private", "public"])
def test_a_former_key_is_good_while_it_is_listed(written: Callable[[PrivateKey], str]) -> None:
    """Several may be, of any kind, and their public halves are enough."""
    curve, rsa, other = key_for("ES256"), key_for("RS256"), key_for("ES256", 1)
    previous = f"{written(curve)}\nthe one of 2025:\n{written(rsa)}"
    after = tokens(pem=private_pem(other), previous=previous)
    for before in (curve, rsa, other):
        assert reads(after, tokens(pem=private_pem(before)))
    assert not reads(tokens(pem=private_pem(other)), tokens(pem=private_pem(curve)))


def test_the_secret_is_no_key_where_there_is_a_private_one() -> None:
    """Whoever knows SECRET_KEY alone makes no tokens; a client gets a new one by its login."""
    both = tokens(pem=private_pem(key_for("ES256")), former=(OTHER_SECRET,))
    assert not reads(both, tokens())
    assert not reads(both, tokens(OTHER_SECRET))


def test_going_back_to_the_secret() -> None:
    """What the private key signed stays good if it is listed."""
    back = tokens(previous=private_pem(key_for("RS256")))
    assert parts(token_of(back))[0]["alg"] == "HS256"
    assert reads(back, back)
    assert reads(back, tokens(pem=private_pem(key_for("RS256"))))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_others_read_our_tokens_with_the_public_keys(algorithm: str) -> None:
    issuer = tokens(pem=private_pem(key_for(algorithm)), previous=private_pem(key_for("ES256", 1)))
    token = token_of(issuer)
    content, _, signature = token.rpartition(".")
    first, second = issuer.jwks()["keys"]
    assert jwk.construct(first, first["alg"]).verify(content.encode(), decoded(signature))
    assert first["kid"] == parts(token)[0]["kid"] != second["kid"]
    assert first["use"] == second["use"] == "sig"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_public_keys_say_nothing_of_the_private_ones(algorithm: str) -> None:
    """Only what RFC 7518 has for a public key, and each key once."""
    pem = private_pem(key_for(algorithm))
    (shown,) = tokens(pem=pem, previous=pem).jwks()["keys"]
    assert set(shown) - {"kty", "crv", "x", "y", "n", "e"} == {"alg", "kid", "use"}


def test_a_secret_is_not_published() -> None:
    assert tokens(former=(OTHER_SECRET,)).jwks() == {"keys": []}


@pytest.mark.parametrize("format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_as_openssl_writes_it(algorithm: str, format: PrivateFormat) -> None:
    """`openssl ecparam -genkey` puts a block in front that is no key."""
    key = key_for(algorithm)
    pem = PARAMETERS + key.private_bytes(Encoding.PEM, format, NoEncryption()).decode()
    assert reads(tokens(pem=private_pem(key)), tokens(pem=pem))
    assert reads(tokens(previous=pem), tokens(pem=pem))


def test_a_key_may_be_in_a_file(tmp_path: Path) -> None:
    """As Kubernetes mounts it."""
    current, previous = tmp_path / "key.pem", tmp_path / "previous.pem"
    current.write_text(private_pem(key_for("ES256")))
    previous.write_text(private_pem(key_for("RS256")))
    both = tokens(pem=str(current), previous=str(previous))
    assert reads(both, tokens(pem=private_pem(key_for("ES256"))))
    assert reads(both, tokens(pem=private_pem(key_for("RS256"))))


def test_keys_are_not_shown() -> None:
    """They would end up in a log."""
    settings = Settings(jwt_private_key=SecretStr(private_pem(key_for("ES256"))))
    shown = repr(TokenKeys.of(settings, Secrets.of(settings)))
    assert "ES256" in shown
    assert "BEGIN" not in shown


WRONG_KEYS: dict[str, Callable[[], str]] = {
    "no path": lambda: "/nowhere/key.pem",
    "a path that can't be": lambda: "\0",
    "a folder": lambda: "/",
    "a key without its first line": lambda: "".join(
        private_pem(key_for("ES256")).splitlines(keepends=True)[1:]
    ),
    "half a key": lambda: private_pem(key_for("ES256"))[:120],
    "nonsense": lambda: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    "a certificate": lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "a public key that is none": lambda: (
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
    ),
    "no unicode": lambda: "-----BEGIN PRIVATE KEY-----\n\ud800\n-----END PRIVATE KEY-----",
    "Ed25519": lambda: _pem(ed25519.Ed25519PrivateKey.generate()),
    "P-384": lambda: _pem(ec.generate_private_key(ec.SECP384R1())),
    "a short RSA key": lambda: _pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505
    "one with a password": lambda: _pem(key_for("ES256"), BestAvailableEncryption(b"password")),
}


@pytest.mark.parametrize("wrong", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_key_that_is_no_good(wrong: Callable[[], str]) -> None:
    """The process does not start, says which setting it is, and does not quote it."""
    with pytest.raises(NotStarted, match=r"^JWT_PRIVATE_KEY: .{,80}$"):
        tokens(pem=wrong())
    with pytest.raises(NotStarted, match=r"^JWT_PREVIOUS_KEYS: .{,80}$"):
        tokens(previous=wrong())


def test_a_public_key_can_not_sign() -> None:
    with pytest.raises(NotStarted, match=r"^JWT_PRIVATE_KEY: is no private key"):
        tokens(pem=public_pem(key_for("ES256")))
