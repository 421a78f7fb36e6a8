"""Keys that are derived of SECRET_KEY, and secrets that are drawn."""

import hashlib

from pydantic import SecretStr

from tradeapi.security.secrets import Secrets, digest, new_secret
from tradeapi.settings import Settings

OLD = "an old secret that is long enough for its job"
NEW = "a new secret that is long enough for its job!"


def test_each_purpose_has_keys_of_its_own() -> None:
    """What signs for one of them is no good for another."""
    secrets = Secrets(NEW, (OLD,))
    keys = {*secrets.derive("access tokens"), *secrets.derive("API keys")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert secrets.derive("API keys") == secrets.derive("API keys")


def test_the_current_secret_comes_first() -> None:
    """And what was made with it is found again after it has become a previous one."""
    (before,) = Secrets(OLD).derive("API keys")
    new, old = Secrets(NEW, (OLD,)).derive("API keys")
    assert old == before
    assert new != before


def test_secrets_come_from_the_settings() -> None:
    settings = Settings(
        secret_key=SecretStr(NEW), previous_secret_keys=(SecretStr(OLD), SecretStr(OLD * 2))
    )
    assert Secrets.of(settings) == Secrets(NEW, (OLD, OLD * 2))


def test_a_secret_is_not_shown() -> None:
    """It would end up in a log."""
    assert "secret that is long" not in repr(Secrets(NEW, (OLD,)))


def test_new_secrets_differ_and_have_256_bits() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}  # 6 bits each


def test_a_digest_is_a_plain_sha256() -> None:
    assert digest("abc") == hashlib.sha256(b"abc").hexdigest()


def test_a_digest_of_what_is_no_unicode() -> None:
    """A client may send anything as its token; it is unknown, and that is all."""
    assert digest("\ud800") != digest("\udfff")
