"""Bodies of TradingView's clients, whichever way they are written: the names and texts in them.

What a text says is nobody's business here: it comes out as the very bytes that were meant.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

import orjson
from anyio import to_thread
from fastapi import Request
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError

from tradeapi.errors import Invalid, TooLarge

MOST_CONTENT_BYTES = 4 * 1024 * 1024
# A byte takes up to three in an address-like form.
MOST_FORM_BYTES = 3 * MOST_CONTENT_BYTES + 64 * 1024
MOST_FIELDS = 20
# The most that is read while everybody waits.
MANY_BYTES = 64 * 1024

WRONG = "Wrong request"

Form = Mapping[str, str]
Document = Mapping[str, Any]


async def read_form(request: Request) -> Form:
    """Raises Invalid for what is no form, and TooLarge for more content than is kept."""
    body = await request.body()
    type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
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
    return await _apart(_object, body)


async def _apart(parse: Callable[[bytes], Mapping[str, Any]], body: bytes) -> Mapping[str, Any]:
    if len(body) <= MANY_BYTES:
        return parse(body)
    return await to_thread.run_sync(parse, body)


def _urlencoded(body: bytes) -> Form:
    try:
        return dict(
            parse_qsl(
                body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
            )
        )
    except ValueError as error:
        raise Invalid(WRONG, code="bad_body") from error


def _multipart(content_type: bytes, body: bytes) -> Form:
    found: list[tuple[str, str]] = []

    def keep(field: Any) -> None:  # noqa: ANN401  the library's types of a field differ
        if len(found) >= MOST_FIELDS:
            raise FormParserError(WRONG)
        found.append((field.field_name.decode(), (field.value or b"").decode()))

    try:
        parse_form({"Content-Type": content_type}, BytesIO(body), keep, None)
    except (FormParserError, ValueError) as error:
        raise Invalid(WRONG, code="bad_body") from error
    return dict(found)


def _json(body: bytes) -> Form:
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
