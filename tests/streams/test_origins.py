"""Which web pages may open a socket."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.streams.client import client
from tests.streams.test_application import application, http

pytestmark = pytest.mark.anyio

CHARTS = "https://charts.example.com"
OPEN = {"environment": "staging", "public_read": True}


@pytest.mark.parametrize(
    ("settings", "origin", "may"),
    [
        ({}, None, True),
        ({}, "http://127.0.0.1:{port}", True),
        ({}, "https://127.0.0.1:{port}", True),
        ({}, "http://127.0.0.1:1", False),
        ({}, "http://localhost:{port}", False),
        ({}, "http://localhost:5173", False),
        ({}, CHARTS, False),
        ({}, "null", False),
        ({}, "", False),
        ({"cors_origins": CHARTS}, CHARTS, True),
        ({"cors_origins": CHARTS}, "http://charts.example.com", False),
        ({"cors_origins": CHARTS}, f"{CHARTS}.evil.example", False),
        ({"cors_origins": CHARTS}, f"{CHARTS}:8443", False),
        ({"cors_origins": "*"}, "https://anywhere.example", True),
        ({"environment": "development"}, "http://localhost:5173", True),
        ({"environment": "development"}, "http://[::1]:5173", True),
        ({"environment": "development"}, CHARTS, False),
    ],
)
async def test_pages_of_which_origin_may_connect(
    sqlite_url: str, settings: dict[str, str], origin: str | None, may: bool
) -> None:
    """Those that may call by HTTP, and our own; who is no page may be anybody."""
    async with application(sqlite_url, **{**OPEN, **settings}) as server:
        if origin is not None:
            origin = origin.format(port=server.port)
        headers = [("Origin", origin)] if origin is not None else []
        try:
            async with client(server.url, additional_headers=headers) as guest:
                assert (await guest.hear())["type"] == "hello"
                assert may
        except InvalidStatus as refusal:
            assert not may
            response = refusal.response
            assert response.status_code == 403
            assert response.headers["content-type"] == "application/problem+json"
            problem = json.loads(response.body or b"")
            assert problem["code"] == "origin_refused"
            assert problem["request_id"] == response.headers["x-request-id"]


async def test_each_of_several_origins_has_to_be_good(sqlite_url: str) -> None:
    """No browser sends two; who knows which of them a proxy would have looked at."""
    async with application(sqlite_url, **OPEN, cors_origins=CHARTS) as server:
        headers = [("Origin", CHARTS), ("Origin", "https://evil.example")]
        with pytest.raises(InvalidStatus):
            async with client(server.url, additional_headers=headers):
                pass


async def test_a_page_that_is_refused_uses_no_ticket_up(sqlite_url: str) -> None:
    """It is refused before anybody looks at what it brings."""
    async with application(sqlite_url) as server, http(server) as caller:
        ticket = (await caller.post("/auth/ws-ticket")).json()["ticket"]
        url = f"{server.url}?ticket={ticket}"
        with pytest.raises(InvalidStatus):
            async with client(url, origin=Origin("https://evil.example")):
                pass
        async with client(url) as guest:
            assert (await guest.hear())["type"] == "hello"
