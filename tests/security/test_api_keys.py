"""API keys: what they look like, typos, and their hashes."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.security.api_keys import ALPHABET, ApiKey, PathToken

PEPPER = b"p" * 32
FORMER = b"f" * 32


def test_a_new_key_is_read_again() -> None:
    key = ApiKey.new()
    assert re.fullmatch(r"tk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", key.text)
    assert key.text.startswith(f"tk_{key.prefix}_")
    assert ApiKey.parse(key.text) == key


def test_a_path_token_is_no_key() -> None:
    """Nor the other way round, whatever its checksum."""
    token, key = PathToken.new(), ApiKey.new()
    assert re.fullmatch(r"tp_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", token.text)
    assert PathToken.parse(token.text) == token
    assert ApiKey.parse(token.text) is PathToken.parse(key.text) is None
    assert ApiKey.parse(f"tk{token.text[2:]}") is PathToken.parse(f"tp{key.text[2:]}") is None
    assert token.text not in repr(token)


def test_no_two_keys_are_alike() -> None:
    keys = [ApiKey.new() for _ in range(200)]
    assert len({key.text for key in keys}) == 200
    assert len({key.prefix for key in keys}) == 200


def test_the_checksum_is_for_good() -> None:
    """Keys that are out there must be read by every later version."""
    text = "tk_00000000_" + "A" * 32
    assert ApiKey.parse(text + "3Gxf2P") == ApiKey("00000000", text + "3Gxf2P")


def test_every_typo_is_noticed() -> None:
    """A CRC finds any one character that is wrong, and any two neighbours that are swapped."""
    text = ApiKey.new().text
    for index, character in enumerate(text):
        other = ALPHABET[(ALPHABET.find(character) + 1) % len(ALPHABET)]
        assert ApiKey.parse(text[:index] + other + text[index + 1 :]) is None
    for index, (first, second) in enumerate(pairwise(text)):
        if first != second:
            assert ApiKey.parse(text[:index] + second + first + text[index + 2 :]) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.upper(),
        lambda text: text.replace("tk_", "sk_"),
        lambda text: text[:-1] + "\N{FULLWIDTH DIGIT ONE}",
        lambda _: "",
        lambda _: "tk_",
    ],
)
def test_what_is_no_key(spoil: Callable[[str], str]) -> None:
    assert ApiKey.parse(spoil(ApiKey.new().text)) is None


@given(st.text() | st.from_regex(r"tk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", fullmatch=True))
def test_nothing_that_is_sent_breaks_it(text: str) -> None:
    """What is made up has no right checksum, but for one in four milliards."""
    assert ApiKey.parse(text) is None


def test_a_key_is_right_under_any_pepper() -> None:
    """So that keys outlive a change of SECRET_KEY."""
    key = ApiKey.new()
    assert key.is_right(key.hash(PEPPER), [PEPPER])
    assert key.is_right(key.hash(FORMER), [PEPPER, FORMER])
    assert not key.is_right(key.hash(FORMER), [PEPPER])
    assert not key.is_right(key.hash(PEPPER), [])


def test_another_key_is_not_right() -> None:
    hash = ApiKey.new().hash(PEPPER)
    assert re.fullmatch("[0-9a-f]{64}", hash)
    assert not ApiKey.new().is_right(hash, [PEPPER])


def test_a_key_is_not_shown() -> None:
    """Its prefix may stand in a log, its secret may not."""
    key = ApiKey.new()
    assert key.prefix in repr(key)
    assert key.text not in repr(key)
