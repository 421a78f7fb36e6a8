"""Tokens in addresses, for clients that can send no headers: `/udf/tp_…/config` is `/udf/config`.

They are taken out before anything else sees the address. So routes need to know nothing of them,
and neither logs nor metrics, limits nor errors can tell one.
"""

import re
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote, unquote

from starlette.types import Scope

PATH_TOKEN = "tradeapi.path_token"  # noqa: S105  no secret
MARK = "tp_"


class Place(StrEnum):
    """What a token is for: the first segment of the addresses where it is good."""

    UDF = "udf"
    UDF_STORAGE = "udf-storage"


class TokenInPath(NamedTuple):
    """`place` None: it was anywhere else, where none is good."""

    place: Place | None
    text: str


_in_place = re.compile(rf"/({'|'.join(Place)})/({MARK}[^/]*)(/.*)?", re.DOTALL).fullmatch
# As far as there is no doubt: what is longer, shorter or has a typo gives away as much.
_anywhere = re.compile(rf"{MARK}[0-9A-Za-z]{{8}}_[0-9A-Za-z]").search
_NOWHERE = "/"


def take_token(scope: Scope) -> None:
    """Out of the path into the scope; a path with one elsewhere, or with two, is dropped."""
    path: str = scope["path"]
    # One that was encoded twice has a percent sign still.
    if MARK not in path and "%" not in path:
        return
    rest, found = path, None
    if (match := _in_place(path)) is not None:
        place, text, below = match.groups()
        rest, found = f"/{place}{below or ''}", TokenInPath(Place(place), text)
    if _anywhere(unquote(rest)):
        rest, found = _NOWHERE, TokenInPath(None, "")
    if found is not None:
        scope[PATH_TOKEN] = found
        scope["path"] = rest
        # Not cut out of what came: in there it may be encoded in many ways.
        scope["raw_path"] = quote(rest).encode()
