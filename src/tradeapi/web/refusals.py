"""Answers to what never becomes a request: as bytes, for those who hold the connection."""

import os
from http import HTTPStatus

import structlog

from tradeapi.web.envelope import CONTENT_POLICY, SECURITY_HEADERS
from tradeapi.web.problems import problem_response

_log = structlog.get_logger("tradeapi.web")


def refusal(status: int, code: str, detail: str) -> bytes:
    """A problem as it goes over the wire, after which the connection is to be closed."""
    request_id = os.urandom(16).hex()
    _log.info("request.refused", status=status, code=code, request_id=request_id)
    problem = problem_response(request_id, status, code, detail)
    headers = [
        *problem.raw_headers,
        *SECURITY_HEADERS,
        CONTENT_POLICY,
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (
        status,
        HTTPStatus(status).phrase.encode(),
        b"".join(b"%b: %b\r\n" % header for header in headers),
        bytes(problem.body),
    )
