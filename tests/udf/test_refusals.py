"""What goes wrong below `/udf` and `/udf-storage` is told in words that clients parse."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx2
import pytest
from fastapi import APIRouter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.udf.market import NOW, Place
from tests.udf.stock import UNRESERVED
from tradeapi.app import create_app
from tradeapi.clock import FixedClock
from tradeapi.settings import Settings

UDF = [
    "config",
    "time",
    "symbols",
    "symbol_info",
    "search",
    "history",
    "marks",
    "timescale_marks",
    "quotes",
]
RANGE = f"symbol=US:DAYS&resolution=1D&from=0&to={NOW}"
# What a naive server answers in a way that a chart takes for a symbol, or for bars.
WRONG = [
    ("symbols", 422),
    ("symbols?symbol=", 422),
    ("symbols?symbol=US:NOPE", 404),
    ("symbols?symbol=ACME", 409),
    ("symbols?symbol=%00", 404),
    ("symbols?symbol=%F0%9F%90%8E", 404),
    ("symbols?symbol=..%2F..%2Fetc%2Fpasswd", 404),
    (f"symbols?symbol={'A' * 65}", 422),
    ("symbol_info", 422),
    ("symbol_info?group=NYSE", 404),
    ("symbol_info?group=%00", 404),
    ("search?limit=0", 422),
    ("search?limit=x", 422),
    ("history", 422),
    (f"history?{RANGE}&resolution=1m", 422),
    (f"history?{RANGE}&resolution=1d", 422),
    (f"history?{RANGE}&resolution=", 422),
    (f"history?{RANGE}&resolution=7", 422),
    (f"history?{RANGE}&symbol=US:NOPE", 404),
    (f"history?{RANGE}&from=NaN", 422),
    (f"history?{RANGE}&to=Infinity", 422),
    (f"history?{RANGE}&to=1e400", 422),
    (f"history?{RANGE}&to=soon", 422),
    (f"history?{RANGE}&countback=-1", 422),
    (f"history?{RANGE}&countback=1.5", 422),
    (f"history?{RANGE}&countback=undefined", 422),
    ("history?symbol=US:DAYS&resolution=1D&from=0", 422),
    ("marks", 422),
    (f"marks?{RANGE}&resolution=x", 422),
    (f"timescale_marks?{RANGE}&symbol=US:NOPE", 404),
    ("quotes", 422),
    ("quotes?symbols=", 422),
    ("quotes?symbols=%00,%F0%9F%90%8E", 422),
    (f"quotes?symbols={','.join(['US:A'] * 501)}", 422),
    ("nowhere", 404),
    ("", 404),
    ("history/", 404),
    ("%0A", 404),
]
# Wide enough to be anybody's mistake, and all of it harmless.
HARMLESS = [
    f"history?{RANGE}&from={NOW}&to=0",
    f"history?{RANGE}&from=-9007199254740992&to=9007199254740992",
    f"history?{RANGE}&countback=999999999999999999999",
    f"history?{RANGE}&from=-1.5&to=1e15&countback=2",
    f"history?{RANGE}&currencyCode=USD&unitId=kg&surprise=1",
    f"history?{RANGE}&symbol=us:days&resolution=D",
    f"timescale_marks?{RANGE}&from={NOW}&to=0",
    "quotes?symbols=,,,",
    "quotes?symbols=%25,%3Cscript%3E,' OR 1=1",
    "search?query=%00&exchange=%00&type=%00",
    "search",
]


def refused(answer: httpx2.Response) -> str:
    """What a client shows."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    if "errmsg" in body:
        assert body == {"s": "error", "errmsg": body["errmsg"]}
        return str(body["errmsg"])
    assert body == {"status": "error", "message": body["message"]}
    return str(body["message"])


@pytest.mark.parametrize(("path", "status"), WRONG)
def test_a_wrong_request_is_an_error(place: Place, path: str, status: int) -> None:
    """With words in it, for a client that looks at no status."""
    answer = place.http.get(f"/udf/{path}" if path else "/udf")
    assert answer.status_code == status, answer.text
    assert answer.json()["s"] == "error"
    assert refused(answer)


@pytest.mark.parametrize("path", HARMLESS)
def test_an_odd_request_is_answered(place: Place, path: str) -> None:
    """With what fits it."""
    answer = place.http.get(f"/udf/{path}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert isinstance(body, list) or body["s"] in {"ok", "no_data"}


@pytest.mark.parametrize("path", UDF)
def test_it_only_reads(place: Place, path: str) -> None:
    """Any other method is refused, in the same words."""
    for method in ("POST", "PUT", "DELETE"):
        answer = place.http.request(method, f"/udf/{path}", json={})
        assert answer.status_code == 405
        assert refused(answer)
        assert answer.headers["allow"] == "GET"


def test_where_others_ask_problems_stay_problems(place: Place) -> None:
    """Also at addresses that only begin alike."""
    for path in ("/udfx/config", "/udf-storage2/1.1/charts", "/api/v1/udf"):
        assert place.http.get(path).headers["content-type"] == "application/problem+json"


@given(
    path=st.sampled_from(UDF),
    query=st.dictionaries(
        st.sampled_from(
            ["symbol", "resolution", "from", "to", "countback", "symbols", "query", "type", "limit",
             "exchange", "group"]
        )
        | st.text(max_size=5),
        st.sampled_from(["US:DAYS", "1D", "1", "0", str(NOW)])
        | st.text(max_size=20)
        | st.floats().map(str)
        | st.integers().map(str),
    ),
)  # fmt: skip
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_else_comes_of_anything(place: Place, path: str, query: dict[str, str]) -> None:
    """But what is asked for, or an error."""
    text = "&".join(
        f"{quote(name, errors='replace')}={quote(value, safe=UNRESERVED, errors='replace')}"
        for name, value in query.items()
    )
    answer = place.http.get(f"/udf/{path}?{text}")
    assert answer.status_code in {200, 404, 409, 422}, answer.text
    if answer.status_code != 200:
        assert refused(answer)
    elif path == "history":
        assert answer.json()["s"] in {"ok", "no_data"}


@contextmanager
def serving(url: str, router: APIRouter | None = None, **options: object) -> Iterator[TestClient]:
    app = create_app(
        Settings.model_validate({"database_url": url, "demo": False, **options}), FixedClock(NOW)
    )
    if router is not None:
        app.include_router(router)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def crashing() -> APIRouter:
    router = APIRouter()

    @router.get("/udf/crash")
    @router.get("/udf-storage/crash")
    async def crash() -> None:
        raise RuntimeError("internals")

    @router.get("/udf/slow")
    async def slow() -> None:
        raise TimeoutError

    return router


def test_a_crash_is_an_error(sqlite_url: str, crashing: APIRouter) -> None:
    """As is a database that is away."""
    with serving(sqlite_url, crashing) as http:
        for path, status in (("/udf/crash", 500), ("/udf-storage/crash", 500), ("/udf/slow", 503)):
            answer = http.get(path)
            assert answer.status_code == status
            assert "internals" not in refused(answer)


def test_too_many_requests_are_an_error(sqlite_url: str) -> None:
    """With the header that says when to come again; and history counts as history does."""
    with serving(sqlite_url, rate_limit_history_per_minute=3) as http:
        answers = [http.get(f"/udf/history?{RANGE}") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [404] * 3 + [429] * 2
        assert refused(answers[-1])
        assert int(answers[-1].headers["retry-after"]) > 0
        assert http.get("/udf/time").status_code == 200
    with serving(sqlite_url, rate_limit_per_minute=2) as http:
        answers = [http.get("/udf-storage/1.1/charts?client=a&user=b") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert refused(answers[-1])


def test_what_never_reaches_a_route_is_an_error(sqlite_url: str) -> None:
    """A host that is not ours, a page that may not ask, a body that is too long."""
    with serving(sqlite_url, allowed_hosts="charts.example.com") as http:
        assert refused(http.get("/udf/config"))
    preflight = {"origin": "https://evil.example.com", "access-control-request-method": "POST"}
    with serving(sqlite_url) as http:
        assert refused(http.options("/udf-storage/1.1/charts", headers=preflight))
        body = b"x" * (16 * 1024 * 1024)
        assert refused(http.post("/udf-storage/1.1/charts", content=body))


def test_pages_that_may_call_get_what_they_ask_for(sqlite_url: str) -> None:
    """The preflight names the methods of the storage and the headers asked for."""
    origin = "https://charts.example.com"
    with serving(sqlite_url, cors_origins=origin) as http:
        asked = {
            "origin": origin,
            "access-control-request-method": "DELETE",
            "access-control-request-headers": "content-type, x-custom",
        }
        answer = http.options("/udf-storage/1.1/charts", headers=asked)
        assert answer.status_code == 200
        assert {"GET", "POST", "DELETE"} <= set(
            answer.headers["access-control-allow-methods"].split(", ")
        )
        assert answer.headers["access-control-allow-headers"] == "content-type, x-custom"
        for path in ("/udf/config", "/udf/symbols?symbol=US:NOPE", "/udf-storage/1.1/charts"):
            answer = http.get(path, headers={"origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin


def test_long_words_are_told_in_one_piece(place: Place) -> None:
    """However the client wants its answers written."""
    path = f"/udf/symbols?symbol={'A' * 60}&x={'%C3%A9' * 900}"
    for coding in ("identity", "gzip", "br, zstd"):
        answer = place.http.get(path, headers={"accept-encoding": coding})
        assert "no symbol" in refused(answer)
        assert int(answer.headers["content-length"]) == len(answer.content)
