"""Bodies of TradingView's clients, whichever way they are written: the names and texts in them.

What a text says is nobody's business here: it comes out as the very bytes that were meant.
"""

import re
from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import count
from typing import Any

import numpy as np
import orjson
from anyio import to_thread
from fastapi import Request
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError

from tradeapi.errors import Invalid, TooLarge
from tradeapi.web.media_types import media_type_of

MOST_CONTENT_BYTES = 4 * 1024 * 1024
# A byte takes up to three in an address-like form.
MOST_FORM_BYTES = 3 * MOST_CONTENT_BYTES + 64 * 1024
MOST_FIELDS = 20
# The most that is read while everybody waits.
MANY_BYTES = 64 * 1024
# Objects and arrays in a document: the JSON parser lets nobody else run.
MOST_NESTED = 200_000

WRONG = "Wrong request"

Form = Mapping[str, str]
Document = Mapping[str, Any]

_text = rb'\s*"(?:[^"\\]++|\\.)*+"\s*'
_is_flat = re.compile(rb"\s*\{(?:%b:%b,?){0,%d}+\}\s*" % (_text, _text, MOST_FIELDS)).fullmatch

_digits = b"0123456789abcdefABCDEF"
_NO_DIGIT = 255
_VALUES = np.full(256, _NO_DIGIT, np.uint8)
_VALUES[[*_digits]] = [int(chr(digit), 16) for digit in _digits]


async def read_form(request: Request) -> Form:
    """Raises Invalid for what is no form, and TooLarge for more content than is kept."""
    body = await request.body()
    type = media_type_of(request)
    if type == "multipart/form-data":
        header = request.headers["content-type"].encode("latin-1")
        form = await _apart(lambda body: _multipart(header, body), body)
    else:
        form = await _apart(_json if type == "application/json" else _urlencoded, body)
    if len(form.get("content", "").encode()) > MOST_CONTENT_BYTES:
        raise TooLarge(f"The content is larger than {MOST_CONTENT_BYTES} bytes.")
    return form


async def read_document(request: Request) -> Document:
    """A JSON object; raises Invalid for anything else."""
    body = await request.body()
    if len(body) > MOST_CONTENT_BYTES:
        raise TooLarge(f"The drawings are larger than {MOST_CONTENT_BYTES} bytes.")
    if body.count(b"{") + body.count(b"[") > MOST_NESTED:
        raise TooLarge(f"The drawings have more than {MOST_NESTED} objects and arrays.")
    return await _apart(_object, body)


async def _apart(parse: Callable[[bytes], Mapping[str, Any]], body: bytes) -> Mapping[str, Any]:
    if len(body) <= MANY_BYTES:
        return parse(body)
    return await to_thread.run_sync(parse, body)


def _urlencoded(body: bytes) -> Form:
    parts = body.split(b"&", MOST_FIELDS)
    if len(parts) > MOST_FIELDS:
        raise Invalid(WRONG, code="bad_body")
    pairs = [part.partition(b"=") for part in parts if part]
    try:
        return {_unescaped(name): _unescaped(text) for name, _, text in pairs}
    except UnicodeDecodeError as error:
        raise Invalid(WRONG, code="bad_body") from error


def _unescaped(text: bytes) -> str:
    """As `urllib.parse.unquote_plus` does it, which takes seconds where all is escaped."""
    letters = np.frombuffer(text.replace(b"+", b" "), np.uint8)
    at = np.flatnonzero(letters[:-2] == ord("%"))
    high, low = _VALUES[letters[at + 1]], _VALUES[letters[at + 2]]
    is_escape = (high != _NO_DIGIT) & (low != _NO_DIGIT)
    at = at[is_escape]
    letters = letters.copy()
    letters[at] = high[is_escape] * 16 + low[is_escape]
    stays = np.ones(len(letters), np.bool_)
    stays[at + 1] = stays[at + 2] = False
    return letters[stays].tobytes().decode()


def _multipart(content_type: bytes, body: bytes) -> Form:
    found: list[tuple[str, str]] = []
    parts = count(1)

    def look(_: object) -> None:
        if next(parts) > MOST_FIELDS:
            raise FormParserError(WRONG)

    def keep(field: Any) -> None:  # noqa: ANN401  the library's types of a field differ
        look(field)
        found.append((field.field_name.decode(), (field.value or b"").decode()))

    try:
        parse_form({"Content-Type": content_type}, BytesIO(body), keep, look)
    except (FormParserError, ValueError) as error:
        raise Invalid(WRONG, code="bad_body") from error
    return dict(found)


def _json(body: bytes) -> Form:
    if len(body) > MANY_BYTES and not _is_flat(body):
        raise Invalid(WRONG, code="bad_body")
    document = _object(body)
    if not all(isinstance(value, str) for value in document.values()):
        raise Invalid(WRONG, code="bad_body")
    return document


def _object(body: bytes) -> Document:
    try:
        document = orjson.loads(body)
    except ValueError as error:
        raise Invalid(WRONG, code="bad_body") from error
    if not isinstance(document, dict):
        raise Invalid(WRONG, code="bad_body")
    return document
