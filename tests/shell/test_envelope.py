"""The request id, headers, metrics and limits around every exchange."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.shell.conftest import live
from tests.shell.probes import probes
from tradeapi.settings import Settings

ERRORS = {404: "nowhere", 409: "probe/conflict", 422: "probe/items/x", 500: "probe/crash"}


def metric(client: httpx2.Client, series: str) -> float:
    text = client.get("/metrics").text
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_request_id_of_the_caller_is_kept(client: httpx2.Client) -> None:
    """A caller may correlate our log with its own."""
    response = client.get("/health", headers={"x-request-id": "front-end-0001"})
    assert response.headers["x-request-id"] == "front-end-0001"


@pytest.mark.parametrize("id", ["short", "x" * 65, 'quote"break', ""])
def test_a_request_id_that_could_do_harm_is_replaced(client: httpx2.Client, id: str) -> None:
    """Only letters, digits and dashes, 8 to 64 of them."""
    response = client.get("/health", headers={"x-request-id": id})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


@pytest.mark.parametrize("path", ERRORS.values(), ids=map(str, ERRORS))
def test_errors_carry_the_request_id_and_the_security_headers(
    client: httpx2.Client, path: str
) -> None:
    """No answer goes around the envelope."""
    response = client.get(f"/{path}", headers={"x-request-id": "front-end-0001"})
    assert response.status_code in ERRORS
    assert response.headers["x-request-id"] == "front-end-0001"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in response.headers


def test_a_socket_carries_the_request_id(client: httpx2.Client) -> None:
    """The answer to a handshake names it as well."""
    with connect(_socket_url(client), additional_headers={"x-request-id": "front-end-1"}) as socket:
        assert socket.response is not None
        assert socket.response.headers["x-request-id"] == "front-end-1"


@pytest.mark.parametrize(("path", "status"), [("nowhere", 404), ("probe/closed", 403)])
def test_a_socket_that_is_refused_gets_a_problem(
    client: httpx2.Client, path: str, status: int
) -> None:
    """With the request id, whether there is none at the address or it does not want to."""
    with pytest.raises(InvalidStatus) as refusal:
        connect(f"ws{str(client.base_url).removeprefix('http')}/{path}")
    response = refusal.value.response
    problem = json.loads(response.body or b"")
    assert (response.status_code, problem["status"]) == (status, status)
    assert response.headers["x-request-id"] == problem["request_id"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_requests_are_counted_by_route_template(client: httpx2.Client) -> None:
    """The template has its prefix, and paths of one route share their series."""
    labels = '{method="GET",route="/probe/items/{number}"'
    for number in (1, 2):
        client.get(f"/probe/items/{number}")
    assert metric(client, f'http_requests_total{labels},status="200"}}') >= 2
    assert metric(client, f"http_request_duration_seconds_count{labels}}}") >= 2


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/nowhere/to/be/found", 'method="GET",route="unmatched",status="404"'),
        ("PROPFIND", "/health", 'method="OTHER",route="/health",status="405"'),
    ],
)
def test_strangers_can_not_make_up_labels(
    client: httpx2.Client, method: str, path: str, labels: str
) -> None:
    """Unknown addresses and methods share one label each."""
    before = metric(client, f"http_requests_total{{{labels}}}")
    client.request(method, path)
    assert metric(client, f"http_requests_total{{{labels}}}") == before + 1


def test_requests_in_progress_are_counted(client: httpx2.Client) -> None:
    """The scrape sees itself and the one that sleeps."""
    sleeper = threading.Thread(target=client.get, args=("/probe/sleep?seconds=1",))
    sleeper.start()
    time.sleep(0.3)
    assert metric(client, "http_requests_in_progress") == 2
    sleeper.join()
    assert metric(client, "http_requests_in_progress") == 1


def test_a_request_that_takes_too_long(serve_app: Callable[..., httpx2.Client]) -> None:
    """The caller learns that it may try again."""
    response = serve_app(request_timeout_seconds=0.2).get("/probe/sleep?seconds=5")
    assert (response.status_code, response.json()["code"]) == (503, "request_timeout")
    assert response.headers["retry-after"] == "1"


def test_a_download_may_take_its_time(serve_app: Callable[..., httpx2.Client]) -> None:
    """The limit is for the time until the answer begins."""
    response = serve_app(request_timeout_seconds=1).get("/probe/stream?seconds=1.5")
    assert response.content == b"x" * 1000 + b"y" * 1000


def test_a_socket_may_take_its_time(serve_app: Callable[..., httpx2.Client]) -> None:
    """Sockets have limits of their own."""
    with connect(_socket_url(serve_app(request_timeout_seconds=0.2))) as socket:
        time.sleep(0.4)
        socket.send("still there?")
        assert socket.recv() == "still there?"


def test_a_download_that_breaks_is_cut(client: httpx2.Client) -> None:
    """A client must not take half a file for a whole one."""
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get("/probe/stream?seconds=0&fail=true", headers={"accept-encoding": "identity"})


@pytest.mark.parametrize(("drain_seconds", "status"), [(0, 503), (4, 200)])
def test_a_stopping_process_lets_requests_finish(
    sqlite_url: str, drain_seconds: int, status: int
) -> None:
    """DRAIN_SECONDS is how long it waits for them."""
    statuses: list[int] = []

    def sleep() -> None:
        statuses.append(httpx2.get(f"{client.base_url}/probe/sleep?seconds=2").status_code)

    settings = Settings(database_url=sqlite_url, port=0, demo=False, drain_seconds=drain_seconds)
    with live(settings, probes()) as client:
        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        time.sleep(0.3)
    sleeper.join()
    assert statuses == [status]


def test_nonsense_does_no_harm(client: httpx2.Client) -> None:
    """Random bytes are refused, and the server goes on."""
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xff\x00 HTTP\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert client.get("/health").status_code == 200


def _socket_url(client: httpx2.Client) -> str:
    return f"ws{str(client.base_url).removeprefix('http')}/probe/socket"
