"""Access tokens: what they say, how long they are good, and what else is refused."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from tests.security.signing import (
    SECRET,
    Sign,
    decoded,
    encoded,
    forged,
    key_for,
    mac,
    parts,
    private_pem,
    public_bytes,
    signer,
    tokens,
)
from tradeapi.errors import Unauthenticated
from tradeapi.security.secrets import Secrets
from tradeapi.security.tokens import AccessTokens

NOW = 1_700_000_000.1234
USER = UUID("018bcfe5-687b-7a34-b6d1-8568292d7fe5")
LOGIN = UUID("018bcfe5-687b-75f9-b62f-fff5b156f277")
ALGORITHMS = ["HS256", "ES256", "RS256"]
ASYMMETRIC = ["ES256", "RS256"]

(HMAC_KEY,) = Secrets(SECRET).derive("access tokens")


@cache
def issuer(algorithm: str) -> AccessTokens:
    return tokens(pem=None if algorithm == "HS256" else private_pem(key_for(algorithm)))


def good_signer(algorithm: str) -> Sign:
    """Signs with the very key of that issuer."""
    return signer(HMAC_KEY if algorithm == "HS256" else private_pem(key_for(algorithm)), algorithm)


def issued(algorithm: str = "HS256") -> str:
    return issuer(algorithm).issue(subject=USER, session=LOGIN, scopes=["read"], now=NOW).token


def assert_refused(token: str, algorithm: str = "HS256", now: float = NOW) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        issuer(algorithm).read(token, now)
    assert refusal.value.code == "unauthenticated"
    # Whoever guesses learns nothing of how close it was.
    assert str(refusal.value) == "The access token is no good."


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_issued_is_read(algorithm: str) -> None:
    both = issuer(algorithm)
    issued = both.issue(subject=USER, session=LOGIN, scopes={"write", "read"}, now=NOW)
    claims = both.read(issued.token, NOW)
    assert issued.expires == 1_700_000_900.123
    assert re.fullmatch("[0-9a-f]{32}", claims.id)
    assert UUID(claims.id).version == 7
    assert (claims.subject, claims.session) == (USER, LOGIN)
    assert claims.scopes == {"read", "write"}
    assert (claims.issued, claims.expires) == (1_700_000_000.123, issued.expires)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_as_rfc_9068_has_it(algorithm: str) -> None:
    header, payload = parts(issued(algorithm))
    assert header == {"alg": algorithm, "typ": "at+jwt", "kid": header["kid"]}
    assert re.fullmatch("[0-9a-f]{16}", str(header["kid"]))
    assert payload == {
        "iss": "tradeapi",
        "aud": "tradeapi",
        "sub": str(USER),
        "sid": str(LOGIN),
        "scope": "read",
        "iat": 1_700_000_000.123,
        "nbf": 1_700_000_000.123,
        "exp": 1_700_000_900.123,
        "jti": payload["jti"],
    }


def test_no_two_tokens_are_alike() -> None:
    assert len({parts(issued())[1]["jti"] for _ in range(100)}) == 100


def test_a_token_may_have_no_scope() -> None:
    both = tokens()
    token = both.issue(subject=USER, session=LOGIN, scopes=(), now=NOW).token
    assert both.read(token, NOW).scopes == frozenset()


def test_a_token_expires() -> None:
    """To the millisecond, and the caller learns that another one will do."""
    both = tokens(minutes=1)
    issued = both.issue(subject=USER, session=LOGIN, scopes=(), now=NOW)
    assert both.read(issued.token, issued.expires - 0.001).subject == USER
    for late in (issued.expires, issued.expires + 1e9):
        with pytest.raises(Unauthenticated) as refusal:
            both.read(issued.token, late)
        assert refusal.value.code == "token_expired"


def test_the_clocks_of_our_machines_may_differ() -> None:
    """By some seconds: the next request often goes to another one."""
    assert tokens().read(issued(), NOW - 9).subject == USER
    assert_refused(issued(), now=NOW - 11)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_forger_of_these_tests_can_sign(algorithm: str) -> None:
    """Else what follows would be refused for another reason than the one it names."""
    token = forged(*parts(issued(algorithm)), good_signer(algorithm))
    assert issuer(algorithm).read(token, NOW).subject == USER


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS512"},
        {"alg": "PS256"},
        {"alg": ["HS256"]},
        {"alg": None},
        {"kid": "0123456789abcdef"},
        {"kid": None},
        {"kid": ["0123456789abcdef"]},
        {"kid": "../../../../dev/null"},
        {"kid": "x' UNION SELECT 'key"},
        {"typ": "JWT"},
        {"typ": "rt+jwt"},
        {"typ": "AT+JWT"},
        {"crit": ["exp"]},
        {"crit": []},
        {"jku": "https://evil.example/jwks.json"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5u": "https://evil.example/key.pem"},
        {"b64": False},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
    ids=str,
)
def test_a_header_that_is_not_ours(algorithm: str, change: dict[str, object]) -> None:
    """Even where the signature is right."""
    header, payload = parts(issued(algorithm))
    token = forged({**header, **change}, payload, good_signer(algorithm))
    assert_refused(token, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", ["alg", "kid", "typ"])
def test_a_header_that_lacks_something(algorithm: str, name: str) -> None:
    header, payload = parts(issued(algorithm))
    del header[name]
    assert_refused(forged(header, payload, good_signer(algorithm)), algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_that_nobody_signed(algorithm: str) -> None:
    header, payload = parts(issued(algorithm))
    for unsigned in ("none", "NONE", algorithm):
        token = forged({**header, "alg": unsigned}, payload, lambda _: b"")
        assert_refused(token, algorithm)
        assert_refused(token + "AA", algorithm)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_no_secret(algorithm: str, encoding: Encoding) -> None:
    """Everybody has it, and could make tokens with HS256."""
    header, payload = parts(issued(algorithm))
    public = public_bytes(key_for(algorithm), encoding)
    for secret in (public, public.strip()):
        assert_refused(forged({**header, "alg": "HS256"}, payload, mac(secret)), algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("other", ALGORITHMS)
def test_a_key_has_one_algorithm(algorithm: str, other: str) -> None:
    """Whatever key of ours has signed it, as long as another one is named."""
    if algorithm == other:
        return
    header, payload = parts(issued(algorithm))
    other_header, _ = parts(issued(other))
    for mixture in ({**header, "alg": other}, {**header, "kid": other_header["kid"]}, header):
        assert_refused(forged(mixture, payload, good_signer(other)), algorithm)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_somebody_elses_key(algorithm: str) -> None:
    stranger = signer(private_pem(key_for(algorithm, 1)), algorithm)
    assert_refused(forged(*parts(issued(algorithm)), stranger), algorithm)


def test_the_key_of_another_purpose() -> None:
    """Nor is SECRET_KEY itself a key of anything."""
    for secret in (SECRET.encode(), b"", b"\0", *Secrets(SECRET).derive("API keys")):
        assert_refused(forged(*parts(issued()), mac(secret)))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another"},
        {"aud": ["tradeapi", "another"]},
        {"aud": ""},
        {"iss": "https://evil.example"},
        {"sub": "root"},
        {"sub": 0},
        {"sid": "none"},
        {"scope": ["admin"]},
        {"scope": None},
        {"jti": 7},
        {"exp": "1700000900"},
        {"exp": True},
        {"exp": None},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"iat": NOW + 60},
        {"iat": "now"},
        {"nbf": NOW + 60},
        {"nbf": float("-inf")},
    ],
    ids=str,
)
def test_claims_that_are_not_ours(change: dict[str, object]) -> None:
    """Signed with our key all the same, say by another program that shares it."""
    header, payload = parts(issued())
    assert_refused(forged(header, {**payload, **change}, good_signer("HS256")))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "scope", "iat", "nbf", "exp", "jti"])
def test_every_claim_is_needed(name: str) -> None:
    header, payload = parts(issued())
    del payload[name]
    assert_refused(forged(header, payload, good_signer("HS256")))


def test_more_claims_do_no_harm() -> None:
    """A newer version of ours may know some."""
    header, payload = parts(issued())
    token = forged(header, {**payload, "tenant": 1}, good_signer("HS256"))
    assert tokens().read(token, NOW).subject == USER


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 2500, b'{"a":' * 500]
)
def test_a_payload_that_is_no_set_of_claims(payload: bytes) -> None:
    content = f"{issued().partition('.')[0]}.{encoded(payload)}"
    assert_refused(f"{content}.{encoded(good_signer('HS256')(content.encode()))}")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_with_another_payload(algorithm: str) -> None:
    header, content, signature = issued(algorithm).split(".")
    claims = json.loads(decoded(content)) | {"scope": "admin"}
    assert_refused(f"{header}.{encoded(json.dumps(claims).encode())}.{signature}", algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_character_counts(algorithm: str) -> None:
    """Also the last one of the signature, whose last bits say nothing."""
    token = issued(algorithm)
    for index, character in enumerate(token):
        for other in {"A", "B", "-", "."} - {character}:
            assert_refused(token[:index] + other + token[index + 1 :], algorithm)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: token + "!",
        lambda token: " " + token,
        lambda token: token + ".",
        lambda token: "." + token,
        lambda token: token + ".AAAA",
        lambda token: token[:-1],
        lambda token: token.rpartition(".")[0],
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token + "A" * 4096,
        lambda token: token + "\N{LATIN SMALL LETTER E WITH ACUTE}",
        lambda token: token + "\ud800",
        lambda token: token + "\0",
        lambda token: f"Bearer {token}",
        lambda token: token.upper(),
        lambda _: "",
        lambda _: "..",
        lambda _: "." * 4096,
        lambda _: "A" * 1_000_000,
        lambda _: encoded(b"[" * 3000) + ".AAAA.AAAA",
        lambda _: encoded(b"\xff") + ".A.A",
    ],
)
def test_garbage(spoil: Callable[[str], str]) -> None:
    assert_refused(spoil(issued()))


@given(
    st.text()
    | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True)
    | st.binary().map(lambda content: f"{issued().partition('.')[0]}.{encoded(content)}.AAAA")
    | st.text().map(lambda signature: f"{issued().rpartition('.')[0]}.{signature}")
)
def test_nothing_that_is_sent_breaks_it(token: str) -> None:
    """What is no token of ours is refused, and with no other error."""
    assert_refused(token)


def test_claims_are_facts() -> None:
    """Nobody gives itself a scope later on."""
    claims = tokens().read(issued(), NOW)
    assert replace(claims) == claims
    with pytest.raises(AttributeError):
        claims.scopes = frozenset({"admin"})  # type: ignore[misc]
