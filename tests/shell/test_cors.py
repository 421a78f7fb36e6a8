"""Which pages may call."""

from collections.abc import Callable

import httpx2
import pytest

PREFLIGHT = {"access-control-request-method": "POST"}


@pytest.fixture
def client(serve_app: Callable[..., httpx2.Client]) -> httpx2.Client:
    return serve_app(environment="staging", cors_origins="https://charts.example.com")


def test_a_listed_origin_may_read_errors_too(client: httpx2.Client) -> None:
    """A page must be able to read the problem and its request id."""
    headers = {"origin": "https://charts.example.com"}
    for path in ("/health", "/nowhere", "/probe/crash"):
        response = client.get(path, headers=headers)
        assert response.headers["access-control-allow-origin"] == headers["origin"]
        assert "X-Request-ID" in response.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:5173", "https://charts.example.com.evil"]
)
def test_another_origin_may_not(client: httpx2.Client, origin: str) -> None:
    """Outside of development not even a page of the same machine."""
    assert (
        "access-control-allow-origin"
        not in client.get("/health", headers={"origin": origin}).headers
    )
    refusal = client.options("/health", headers={"origin": origin, **PREFLIGHT})
    assert (refusal.status_code, refusal.json()["code"]) == (403, "cors_refused")


def test_a_preflight_is_answered(client: httpx2.Client) -> None:
    """With any header, for a while."""
    headers = {
        "origin": "https://charts.example.com",
        "access-control-request-headers": "x-api-key",
        **PREFLIGHT,
    }
    response = client.options("/probe/bars", headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-headers"] == "x-api-key"


def test_in_development_pages_of_this_machine_may(
    serve_app: Callable[..., httpx2.Client],
) -> None:
    """A front end's own development server works without a setting."""
    headers = {"origin": "http://localhost:5173"}
    response = serve_app().get("/health", headers=headers)
    assert response.headers["access-control-allow-origin"] == headers["origin"]
