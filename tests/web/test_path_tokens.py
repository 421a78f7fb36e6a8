"""Tokens in addresses: taken out before anything sees them, however they are written."""

import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from tradeapi.security.api_keys import PathToken
from tradeapi.web.path_tokens import MARK, PATH_TOKEN, Place, TokenInPath, take_token

TOKEN = "tp_4fZq8Lm2_" + "7hQx2RbTk0" * 3 + "AbCdEfGh"
NOWHERE = TokenInPath(None, "")


def taken(address: str) -> tuple[TokenInPath | None, str]:
    """As a server puts an address into the scope; and nothing of a token is left in there."""
    scope: Scope = {"path": unquote(address), "raw_path": address.encode()}
    take_token(scope)
    found = scope.pop(PATH_TOKEN, None)
    if found is not None:
        assert unquote(scope["raw_path"]) == scope["path"]
    assert TOKEN not in unquote(unquote(str(scope)))
    return found, scope["path"]


def test_this_is_what_tokens_look_like() -> None:
    """Else the rest would show nothing."""
    assert re.sub("[0-9A-Za-z]", "x", TOKEN[3:]) == re.sub(
        "[0-9A-Za-z]", "x", PathToken.new().text[3:]
    )


def twice(text: str) -> str:
    return quote("".join(f"%{ord(character):02X}" for character in text))


@pytest.mark.parametrize("place", [*Place])
@pytest.mark.parametrize("below", ["", "/", "/config", "//config", "/1.1/charts", "/a%20b", "/%0A"])
def test_a_token_in_its_place_is_taken_out(place: Place, below: str) -> None:
    """And the rest is as if it had never been there."""
    expected = TokenInPath(place, TOKEN), f"/{place}{unquote(below)}"
    assert taken(f"/{place}/{TOKEN}{below}") == expected


@pytest.mark.parametrize(
    "address",
    [
        f"/%75df/{TOKEN}/config",
        f"/udf%2F{TOKEN}/config",
        f"/udf/{TOKEN}%2Fconfig",
        f"/udf%2f{TOKEN}%2fconfig",
        f"/udf/%74p_{TOKEN[3:]}/config",
        f"/udf/{TOKEN.replace('_', '%5F')}/config",
        f"/udf/{TOKEN.replace('_', '%5f')}/config",
        "/udf/" + "".join(f"%{ord(character):02x}" for character in TOKEN) + "/config",
    ],
)
def test_however_it_is_encoded(address: str) -> None:
    """Browsers and proxies write the same in many ways."""
    assert taken(address) == (TokenInPath(Place.UDF, TOKEN), "/udf/config")


@pytest.mark.parametrize(
    "address",
    [
        f"//udf/{TOKEN}/config",
        f"/udf//{TOKEN}/config",
        f"/udf/config/{TOKEN}",
        f"/udf/x{TOKEN}/config",
        f"/udf/{TOKEN}/{TOKEN}",
        f"/udf/{MARK}/{TOKEN}",
        f"/UDF/{TOKEN}/config",
        f"/udf-storages/{TOKEN}",
        f"/{TOKEN}/udf/config",
        f"/api/v1/symbols/{TOKEN}",
        f"/api/v1/udf/{TOKEN}/config",
        f"/ws/{TOKEN}",
        f"/health/{TOKEN}",
        f"/udf/{twice(TOKEN)}/config",
        f"/udf/config/{twice(TOKEN)}",
        f"/udf%252F{TOKEN}",
        f"/nowhere%0A{TOKEN}",
    ],
)
def test_anywhere_else_nothing_is_left_of_the_address(address: str) -> None:
    """Nor of one with two: it leads nowhere."""
    assert taken(address) == (NOWHERE, "/")


@pytest.mark.parametrize("text", ["tp_", "tp_x", "tp_history", TOKEN[:-1], TOKEN + "%00", "tp_%0A"])
def test_what_only_looks_like_one_is_taken_for_one(text: str) -> None:
    """In its place; whether it is one is for others to say."""
    assert taken(f"/udf/{text}/config") == (TokenInPath(Place.UDF, unquote(text)), "/udf/config")


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/udf",
        "/udf/config",
        "/udf/history%20x",
        "/udf/x/tp_history",
        "/api/v1/symbols/US:TP_12345678_X",
        "/api/v1/symbols/tp_x",
        "/100%25",
    ],
)
def test_other_addresses_stay_as_they_are(address: str) -> None:
    """To the byte."""
    scope: Scope = {"path": unquote(address), "raw_path": address.encode()}
    before = {**scope}
    take_token(scope)
    assert scope == before


@given(st.text(), st.text())
def test_no_address_breaks_it(before: str, after: str) -> None:
    """And none that holds a token keeps it."""
    taken(quote(f"/{before}{TOKEN}{after}"))
