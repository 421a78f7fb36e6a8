"""Errors as clients of lightweight-charts-pro read them: problems, with two fields more."""

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.web.translation import Translation

PREFIX = "/api/charts"

CODES = {
    "not_found": "CHART_NOT_FOUND",
    "unknown_series": "SERIES_NOT_FOUND",
    "not_ascending": "INVALID_TIMESTAMP",
    "point_too_old": "INVALID_TIMESTAMP",
    "bad_time": "INVALID_TIMESTAMP",
    "time_out_of_range": "INVALID_TIMESTAMP",
    "high_below_low": "INVALID_DATA",
    "outside_range": "INVALID_DATA",
    "invalid_color": "INVALID_DATA",
    "too_long": "INVALID_DATA",
    "points_do_not_fit": "INVALID_DATA",
    "series_is_bound": "INVALID_DATA",
    "missing_field": "VALIDATION_ERROR",
    "invalid_value": "VALIDATION_ERROR",
    "invalid_item": "VALIDATION_ERROR",
    "invalid_field": "VALIDATION_ERROR",
    "bad_body": "VALIDATION_ERROR",
}
# Which the protocol has for times in no order.
STATUSES = {"not_ascending": 400, "point_too_old": 400}


def code_of(code: str) -> str:
    """The protocol's own, or ours in its way of writing."""
    return CODES.get(code, code.upper())


class ProErrors:
    """A layer, since everything on the way to a route may refuse."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            send = _Told(send).send
        await self._app(scope, receive, send)


class _Told(Translation):
    """The problem's fields, with those that its clients read."""

    __slots__ = ()

    async def _tell(self, start: Message) -> None:
        problem = orjson.loads(self._body)
        status = STATUSES.get(problem["code"], start["status"])
        body = orjson.dumps(
            {
                **problem,
                "status": status,
                "error": problem["detail"] or problem["title"],
                "errorCode": code_of(problem["code"]),
            }
        )
        headers = [header for header in start["headers"] if header[0] != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self._send({**start, "status": status, "headers": [*headers, length]})
        await self._send({"type": "http.response.body", "body": body})
