"""Charts, by every protocol that has them, asked by somebody who means no good."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.hostile.serving import JSON, Server
from tests.hostile.test_bodies import longest_wait
from tests.hostile.test_values import ODD_NUMBERS, TEXTS

SERIES = "/api/v1/charts/desk/series/price"
STORAGE = "/udf-storage/1.1/{}?client=a&user=b"
FORM = {"content-type": "application/x-www-form-urlencoded"}
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/charts/{}",
        "/api/v1/charts?cursor={}",
        "/api/v1/charts/desk/series/{}/points",
        f"{SERIES}/points?before={{}}&max_points=5&rebase=true",
        f"{SERIES}/points?after={{}}",
        f"{SERIES}/points?count={{}}&max_points=5",
        f"{SERIES}/points?max_points={{}}",
        f"{SERIES}/points?range={{}}",
        "/api/charts/{}",
        "/api/charts/desk/data/{}/price",
        "/api/charts/desk/history/0/{}",
        "/api/charts/desk/history/0/price?before_time={}",
        "/udf/symbols?symbol={}",
        "/udf/symbol_info?group={}",
        "/udf/search?query={}",
        "/udf/history?symbol=US:AAPL&resolution=1D&from=0&to={}",
        "/udf/history?symbol=US:AAPL&resolution=1D&from=0&to=1e10&countback={}",
        "/udf/timescale_marks?symbol=US:AAPL&resolution={}&from=0&to=1e10",
        "/udf/{}/config",
        "/udf-storage/{}/1.1/charts?client=a&user=b",
        f"{STORAGE.format('charts')}&chart={{}}",
        f"{STORAGE.format('study_templates')}&template={{}}",
        f"{STORAGE.format('drawing_templates')}&tool={{}}&name=x",
        f"{STORAGE.format('drawing_templates')}&tool=x&name={{}}",
        f"{STORAGE.format('drawings')}&layout={{}}&chart=x",
    ],
)
def test_texts_and_numbers_in_an_address(either: Server, address: str) -> None:
    """There is an answer to each, in JSON, and none of our own faults."""
    for text in [*TEXTS, *ODD_NUMBERS]:
        answer = either.client.get(address.format(quote(text, safe="")))
        assert answer.status_code < 500, answer.text
        assert answer.headers["content-type"].endswith("json")
        json.loads(answer.content, parse_constant=pytest.fail)


HEAVY = {
    "brackets": (
        "POST",
        "/api/charts/desk/data/s",
        JSON,
        b'{"data":[' + b" " * MEGABYTE + b"]" * 300_000,
    ),
    "options": (
        "POST",
        "/api/charts/desk/data/s",
        JSON,
        b'{"options":{"a":[' + b"[]," * 2 * MEGABYTE + b'1]},"data":[]}',
    ),
    "no points": ("PUT", f"{SERIES}/points", JSON, b"[" + b"[]," * 2 * MEGABYTE + b"1]"),
    "no series": (
        "POST",
        "/api/v1/charts",
        JSON,
        b'{"panes":['
        + b",".join([b'{"series":[' + b",".join([b"{}"] * 1000) + b"]}"] * 101)
        + b"]}",
    ),
    "escapes": (
        "POST",
        STORAGE.format("charts"),
        FORM,
        b"name=a&content=" + b"%" * 12 * MEGABYTE,
    ),
    "no form": (
        "POST",
        STORAGE.format("charts"),
        JSON,
        b'{"content":[' + b"[]," * 4 * (MEGABYTE - 100) + b"1]}",
    ),
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_body_that_is_heavy_to_read_holds_up_nobody(server: Server, name: str) -> None:
    """It is refused, whatever there is in it."""
    method, path, headers, body = HEAVY[name]
    with ThreadPoolExecutor() as threads:
        delay = threads.submit(longest_wait, server)
        answer = server.client.request(method, path, content=body, headers=headers)
    if path.startswith("/udf-storage"):
        assert answer.json()["status"] == "error"
    else:
        assert answer.status_code == 422, answer.text
    assert delay.result() < 1
