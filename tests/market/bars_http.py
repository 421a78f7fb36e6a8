"""Bars over HTTP, for the tests that are about something else."""

from collections.abc import Sequence
from typing import Any

from starlette.testclient import TestClient

from tests.market.places import Row

BARS = "/api/v1/bars"
NAMES = ("time", "open", "high", "low", "close", "volume")


def items(symbol: str, resolution: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"symbol": symbol, "resolution": resolution, **dict(zip(NAMES, row, strict=True))}
        for row in rows
    ]


def post(client: TestClient, symbol: str, resolution: str, *rows: Row) -> dict[str, Any]:
    answer = client.post(BARS, json=items(symbol, resolution, rows))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["rejected"] == 0, body
    return body


def get(client: TestClient, symbol: str, **query: object) -> dict[str, Any]:
    answer = client.get(f"{BARS}/{symbol}", params={key: str(query[key]) for key in query})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def code(client: TestClient, symbol: str, **query: object) -> tuple[int, str]:
    answer = client.get(f"{BARS}/{symbol}", params={key: str(query[key]) for key in query})
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["code"]
