"""Answers to what never becomes a request: as bytes, for those who hold the connection."""

import os
import random
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

import structlog

from tradeapi.web.envelope import CONTENT_POLICY, SECURITY_HEADERS
from tradeapi.web.problems import problem_response

OVERLOADED = "overloaded", "Too much is asked at once."
# Not all who were refused at once come back at once.
SOONEST_SECONDS, LATEST_SECONDS = 1, 4
_ID_BYTES = 16

_log = structlog.get_logger("tradeapi.web")


def refusal(status: int, code: str, detail: str) -> bytes:
    """A problem as it goes over the wire, after which the connection is to be closed."""
    request_id = os.urandom(_ID_BYTES).hex()
    _log.info("request.refused", status=status, code=code, request_id=request_id)
    return _on_the_wire(request_id, status, code, detail, {"connection": "close"})


def overloaded(*, closes: bool, is_head: bool) -> bytes:
    """One of which thousands can be made in a second, and none is logged."""
    template = _overloaded(come_back_in(), closes=closes, is_head=is_head)
    return template.replace(_NO_ID, os.urandom(_ID_BYTES).hex().encode())


def come_back_in() -> int:
    """After how many seconds."""
    return random.randint(SOONEST_SECONDS, LATEST_SECONDS)  # noqa: S311  it hides nothing


_NO_ID = b"-" * 2 * _ID_BYTES


@cache
def _overloaded(seconds: int, *, closes: bool, is_head: bool) -> bytes:
    headers = {"retry-after": str(seconds)} | ({"connection": "close"} if closes else {})
    answer = _on_the_wire(_NO_ID.decode(), 503, *OVERLOADED, headers)
    return answer.partition(b"{")[0] if is_head else answer


def _on_the_wire(
    request_id: str, status: int, code: str, detail: str, further: Mapping[str, str]
) -> bytes:
    problem = problem_response(request_id, status, code, detail, headers=further)
    headers = [
        *problem.raw_headers,
        *SECURITY_HEADERS,
        CONTENT_POLICY,
        (b"x-request-id", request_id.encode()),
    ]
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (
        status,
        HTTPStatus(status).phrase.encode(),
        b"".join(b"%b: %b\r\n" % header for header in headers),
        bytes(problem.body),
    )
