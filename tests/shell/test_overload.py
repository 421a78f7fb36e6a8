"""More requests at once than a process works on."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

PLACES = 4
CALLERS = 20


@pytest.fixture
def busy(serve_app: Callable[..., httpx2.Client]) -> httpx2.Client:
    return serve_app(requests_in_flight=PLACES)


def test_what_is_too_much_is_refused(busy: httpx2.Client) -> None:
    """With a problem that says when to come back; health, metrics and logins are answered."""
    with crowd(busy) as answers:
        for path in ("/health", "/health/ready", "/metrics"):
            assert busy.get(path).status_code == 200
        login = {"username": "ada@example.com", "password": "a sentence nobody guesses"}
        assert busy.post("/api/v1/auth/token", data=login).status_code == 401
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) < len(answers)
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len({answer.headers["x-request-id"] for answer in refused}) == len(refused)
    assert busy.get("/probe/sleep?seconds=0").status_code == 200


def test_who_is_refused_at_the_door_may_ask_again(busy: httpx2.Client) -> None:
    """On the same connection, also after a HEAD and after a body that nobody has read."""
    url = urlsplit(str(busy.base_url))
    with (
        crowd(busy),
        socket.create_connection((url.hostname, url.port), timeout=10) as caller,
    ):
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


@contextmanager
def crowd(busy: httpx2.Client) -> Iterator[list[httpx2.Response]]:
    """Who asks for more all the time, whatever the answer; begins when some are refused at once."""
    answers: list[httpx2.Response] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answers.append(busy.get("/probe/sleep?seconds=2"))

    with ThreadPoolExecutor(CALLERS) as callers:
        for _ in range(CALLERS):
            callers.submit(ask)
        try:
            before = _refused_at_once(busy)
            while _refused_at_once(busy) < before + CALLERS:
                time.sleep(0.01)
            yield answers
        finally:
            over.set()


def _refused_at_once(busy: httpx2.Client) -> float:
    found = re.search(r'requests_shed_total{reason="full"} (\S+)', busy.get("/metrics").text)
    return float(found[1]) if found else 0
