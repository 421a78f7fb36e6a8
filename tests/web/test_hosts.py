"""Under which names we may be called, and that callers use https."""

import httpx2
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tradeapi.web.envelope import Envelope
from tradeapi.web.hosts import Hosts

EXEMPT = ("/health", "/health/ready")
HSTS = "max-age=31536000; includeSubDomains"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def app(*allowed: str, force_https: bool = False) -> ASGIApp:
    return Envelope(Hosts(hello, allowed=allowed, force_https=force_https, exempt=EXEMPT))


async def get(app: ASGIApp, url: str, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as client:
        return await client.get(url, headers=headers)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("api.example.com", 200),
        ("API.Example.com:8443", 200),
        ("api.example.com.", 200),
        ("a.example.org", 200),
        ("a.b.example.org:80", 200),
        ("[2001:db8::1]:8000", 200),
        ("example.org", 400),
        ("badexample.org", 400),
        ("www.api.example.com", 400),
        ("api.example.com.evil.com", 400),
        ("evil.com", 400),
        ("api.example.com@evil.com", 400),
        ("api.example.com/x", 400),
        ("127.0.0.1", 400),
        ("", 400),
    ],
)
async def test_only_known_names_are_answered(host: str, status: int) -> None:
    """Exactly, or all below one; the port does not matter."""
    response = await get(
        app("api.example.com", "*.Example.org", "[2001:db8::1]"), "http://test/a", host=host
    )
    assert response.status_code == status
    if status == 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "unknown_host"
        assert response.headers["x-request-id"] == response.json()["request_id"]


async def test_two_names_are_none() -> None:
    """What stands behind us might take the other."""
    headers = [("host", "api.example.com"), ("host", "evil.com")]
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app("api.example.com"))
    ) as client:
        assert (await client.get("http://test/a", headers=headers)).status_code == 400


async def test_without_names_any_will_do() -> None:
    """The default: nothing is asked of the host."""
    for host in ("evil.com", "no host at all", ""):
        response = await get(app(), "http://test/a", host=host)
        assert response.status_code == 200
        assert "strict-transport-security" not in response.headers


async def test_probes_come_by_address() -> None:
    """They know neither our name nor TLS."""
    for path in EXEMPT:
        response = await get(app("api.example.com", force_https=True), f"http://10.0.0.7{path}")
        assert response.status_code == 200
    assert (await get(app("api.example.com"), "http://10.0.0.7/healthy")).status_code == 400


async def test_http_is_sent_to_https() -> None:
    """To the same host, path and query, as they came, with the method they came with."""
    response = await get(
        app(force_https=True), "http://api.example.com:8000/a%2Fb/%E2%82%AC?x=%20y&z=1"
    )
    assert response.status_code == 308
    location = "https://api.example.com:8000/a%2Fb/%E2%82%AC?x=%20y&z=1"
    assert response.headers["location"] == location
    assert "strict-transport-security" not in response.headers
    response = await get(app(force_https=True), "http://api.example.com//evil.com/")
    assert response.headers["location"] == "https://api.example.com//evil.com/"


@pytest.mark.parametrize("host", ["evil.com", "api.example.com/@evil.com", ""])
async def test_nobody_is_sent_to_a_host_that_is_not_ours(host: str) -> None:
    """The name is checked first; one that makes no sense has no https either."""
    response = await get(app("api.example.com", force_https=True), "http://test/a", host=host)
    assert response.status_code == 400
    if host != "evil.com":
        assert (await get(app(force_https=True), "http://test/a", host=host)).status_code == 400


async def test_browsers_are_told_to_stay_with_https() -> None:
    """With every answer over https, refusals too."""
    strict = app("api.example.com", force_https=True)
    for host, status in (("api.example.com", 200), ("evil.com", 400)):
        response = await get(strict, f"https://{host}/a")
        assert response.status_code == status
        assert response.headers["strict-transport-security"] == HSTS
    response = await get(app("api.example.com"), "https://api.example.com/a")
    assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [("ws://api.example.com/", 403, "forbidden"), ("wss://evil.com/", 400, "unknown_host")],
)
def test_sockets_are_refused_with_a_problem(url: str, status: int, code: str) -> None:
    """There is no redirect for them."""
    strict = app("api.example.com", force_https=True)
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        TestClient(strict).websocket_connect(url),
    ):
        pass
    assert (refusal.value.status_code, refusal.value.json()["code"]) == (status, code)


def test_sockets_over_tls_are_let_in() -> None:
    """By the right name."""
    strict = app("api.example.com", force_https=True)
    with TestClient(strict).websocket_connect("wss://api.example.com/ws") as socket:
        assert socket.receive()["type"] == "websocket.close"
