"""Bodies that are not what they should be, or far more than that."""

import gzip
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.hostile.places import MINUTES, minutes
from tests.hostile.serving import JSON, Server
from tests.hostile.wire import HOST, answer, connection

NDJSON = {"content-type": "application/x-ndjson"}
BARS, TICKS = "/api/v1/bars", "/api/v1/ticks"
WRITES = [
    ("POST", BARS),
    ("POST", TICKS),
    ("PUT", "/api/v1/symbols/US:AAPL"),
    ("PUT", "/api/v1/symbols/US:AAPL/actions"),
    ("PUT", "/api/v1/symbols/US:AAPL/shares"),
    ("PUT", "/api/v1/exchanges/US"),
]
MEGABYTE = 1024 * 1024


def refused(answer: httpx2.Response) -> tuple[int, str]:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["code"]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_random_bytes_are_refused(either: Server, method: str, path: str) -> None:
    """Whatever they claim to be."""
    chance = random.Random(path)
    types = ["application/json", "application/x-ndjson", "text/csv", "multipart/form-data", ""]
    types += ["application/json; charset=utf-16", "a/b/c;;;=", "application/x-www-form-urlencoded"]
    for number in range(60):
        body = chance.randbytes(chance.choice([1, 10, 1000]))
        headers = {"content-type": types[number % len(types)]}
        answer = either.client.request(method, path, content=body, headers=headers)
        if answer.status_code == 200:
            # Lines are judged one by one.
            assert headers == NDJSON
            statuses = {item["status"] for item in answer.json()["items"]}
            assert statuses <= {"rejected"}
        else:
            assert refused(answer)[0] in {415, 422}


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"text"',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"items":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": ' + b"9" * 10_000 + b"}",
        b'{"name": 1e999}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a',
        b'{"name": "a",}',
        b'\xef\xbb\xbf{"nope": 1}',
        '{"nope": 1}'.encode("utf-16"),
        gzip.compress(b'{"nope": 1}'),
        b"\0" * 1000,
        b" " * 100_000,
    ],
    ids=range(19),
)
def test_what_is_no_such_document_is_refused(
    server: Server, method: str, path: str, body: bytes
) -> None:
    """As a whole, or as an item."""
    answer = server.client.request(method, path, content=body, headers=JSON)
    if answer.status_code == 200:
        assert {item["status"] for item in answer.json()["items"]} == {"rejected"}
    else:
        assert refused(answer)[0] == 422


@pytest.mark.parametrize("path", [BARS, TICKS])
def test_a_body_that_claims_a_coding_is_read_as_it_is(server: Server, path: str) -> None:
    """No bomb is ever unpacked."""
    bomb = gzip.compress(b"[" + b" " * 100_000_000 + b"]")
    for body in (bomb, b"\x1f\x8b garbage"):
        headers = JSON | {"content-encoding": "gzip"}
        assert refused(server.client.post(path, content=body, headers=headers))[0] == 422


@pytest.mark.parametrize("path", [BARS, TICKS])
@pytest.mark.parametrize("type", ["text/csv", "text/plain", "application/xml", "json", ""])
def test_other_media_types_are_refused_by_name(server: Server, path: str, type: str) -> None:
    """Whatever the body is."""
    answer = server.client.post(path, content=b"[]", headers={"content-type": type})
    assert refused(answer) == (415, "unsupported_media_type")


def test_of_a_key_that_is_there_twice_the_last_counts(server: Server) -> None:
    """As everywhere."""
    body = b'{"symbol":"US:AAPL","symbol":"NO:PE","price":1,"size":1,"time":1717977600}'
    answer = server.client.post(TICKS, content=body, headers=JSON)
    assert answer.json()["items"][0]["code"] == "unknown_symbol"


def test_one_bad_item_among_ten_thousand_is_named(either: Server) -> None:
    """And costs no other its place."""
    items = minutes("US:MSFT")
    items[7000] = {**items[7000], "high": -1, "name": "' OR 1=1 --"}
    outcome = either.post("/bars", items)
    assert (outcome["unchanged"], outcome["rejected"]) == (MINUTES - 1, 1)
    assert outcome["items"][7000]["code"] == "unknown_field"


def test_a_body_that_is_too_large_is_refused_unread(server: Server) -> None:
    """By what the head says of it."""
    head = b"Content-Type: application/json\r\nContent-Length: 20000000\r\n\r\n"
    for path in (BARS, TICKS):
        with connection(server.address) as opened:
            opened.sendall(b"POST " + path.encode() + HOST + head)
            status, problem = answer(opened)
        assert (status, problem["code"]) == (413, "too_large")


@pytest.mark.parametrize(("method", "path"), [*WRITES, ("GET", "/api/v1/symbols")])
def test_a_body_without_an_announced_end_takes_no_memory(
    server: Server, method: str, path: str
) -> None:
    """Of 200 MB in chunks the first few are enough."""

    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield b"[" * MEGABYTE

    before = server.memory
    answer = server.client.request(method, path, content=chunks(), headers=JSON)
    assert server.memory - before < 60 * MEGABYTE
    if method != "GET":
        assert refused(answer) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "headers", "item", "last"),
    [
        (BARS, JSON, b"[],", b"[]"),
        (BARS, JSON, b"1,", b"1"),
        (TICKS, JSON, b"{},", b"{}"),
        (TICKS, NDJSON, b"x\n", b"x"),
        (BARS, NDJSON, b"\n", b""),
    ],
)
def test_a_million_items_are_refused_as_a_whole(
    server: Server, path: str, headers: dict[str, str], item: bytes, last: bytes
) -> None:
    """An answer to each would be a hundred times the request."""
    body = item * (7 * MEGABYTE // len(item)) + last
    body = body if headers == NDJSON else b"[" + body + b"]"
    before = server.memory
    answer = server.client.post(path, content=body, headers=headers)
    assert refused(answer) == (413, "too_many_items")
    assert server.memory - before < 300 * MEGABYTE


@pytest.mark.parametrize(("method", "path"), WRITES[:3])
def test_a_hundred_thousand_fields_hold_up_nobody(server: Server, method: str, path: str) -> None:
    """Nor do they make a long answer."""
    body = json.dumps({str(number): number for number in range(100_000)}).encode()
    with ThreadPoolExecutor() as threads:
        delay = threads.submit(longest_wait, server)
        answer = server.client.request(method, path, content=body, headers=JSON)
    assert answer.status_code == (200 if path in {BARS, TICKS} else 413)
    assert len(answer.content) < 1000
    assert delay.result() < 1


def longest_wait(server: Server) -> float:
    """Of requests that have nothing to do with each other, for a second."""
    waits = []
    with httpx2.Client(base_url=server.client.base_url, trust_env=False) as other:
        end = time.monotonic() + 1
        while (begun := time.monotonic()) < end:
            assert other.get("/health").status_code == 200
            waits.append(time.monotonic() - begun)
    return max(waits)
