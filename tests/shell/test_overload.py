"""More requests at once than a process works on."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx2
import pytest

PLACES = 4
SLEEP = "/probe/sleep?seconds=1.5"


@pytest.fixture
def busy(serve_app: Callable[..., httpx2.Client]) -> httpx2.Client:
    return serve_app(requests_in_flight=PLACES)


def test_what_is_too_much_is_refused(busy: httpx2.Client) -> None:
    """With a problem that says when to come back; health, metrics and logins are answered."""
    with ThreadPoolExecutor(30) as callers:
        asked = [callers.submit(busy.get, SLEEP) for _ in range(30)]
        _wait_for_a_refusal(asked)
        for path in ("/health", "/health/ready", "/metrics"):
            assert busy.get(path).status_code == 200
        login = {"username": "ada@example.com", "password": "a sentence nobody guesses"}
        assert busy.post("/api/v1/auth/token", data=login).status_code == 401
    answers = [future.result() for future in asked]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert PLACES - 1 <= len(answers) - len(refused) <= 2 * PLACES
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len({answer.headers["x-request-id"] for answer in refused}) == len(refused)
    text = busy.get("/metrics").text
    assert 'requests_shed_total{reason="late"}' in text
    assert 'requests_shed_total{reason="full"}' in text
    assert busy.get("/probe/sleep?seconds=0").status_code == 200


def test_who_is_refused_at_the_door_may_ask_again(busy: httpx2.Client) -> None:
    """On the same connection, also after a HEAD and after a body that nobody has read."""
    url = urlsplit(str(busy.base_url))
    with ThreadPoolExecutor(30) as callers:
        asked = [callers.submit(busy.get, SLEEP) for _ in range(30)]
        _wait_for_a_refusal(asked)
        with socket.create_connection((url.hostname, url.port), timeout=10) as caller:
            heads = []
            for ask in (
                b"HEAD /probe/x HTTP/1.1\r\nHost: x\r\n\r\n",
                b"POST /probe/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
                b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /probe/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            ):
                caller.sendall(ask)
                heads.append(caller.recv(65536))
            assert [head[9:12] for head in heads] == [b"503", b"503", b"200", b"503"]
            assert heads[0].endswith(b"\r\n\r\n")
            assert b"connection: close" not in heads[1]
            assert b"connection: close" in heads[3]
            assert caller.recv(1) == b""


def _wait_for_a_refusal(asked: list[Future[httpx2.Response]]) -> None:
    while not any(future.done() for future in asked):
        time.sleep(0.01)
