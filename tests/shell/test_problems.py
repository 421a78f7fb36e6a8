"""Errors as problems."""

from collections.abc import Callable, Iterator

import httpx2
import pytest

FIELDS = {"type", "title", "status", "detail", "code", "request_id", "errors"}


def assert_problem(response: httpx2.Response, status: int, code: str) -> None:
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-request-id"] == problem["request_id"]
    assert problem.keys() == FIELDS


def test_an_unknown_address(client: httpx2.Client) -> None:
    """A 404 of the router is a problem too."""
    assert_problem(client.get("/nowhere"), 404, "not_found")


def test_a_wrong_method_names_all_right_ones(client: httpx2.Client) -> None:
    """Allow lists the methods of every route at the address, not of the first."""
    response = client.request("DELETE", "/probe/bars")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers.get_list("allow") == ["POST, PUT"]


def test_a_trade_error_keeps_its_code(client: httpx2.Client) -> None:
    """The status and code of the error tree arrive, and half a surrogate pair does no harm."""
    response = client.get("/probe/conflict")
    assert_problem(response, 409, "taken")
    assert response.json()["detail"] == "You already have one ?."


def test_only_so_many_fields_are_listed(client: httpx2.Client) -> None:
    """An answer does not grow with the number of faults."""
    assert len(client.get("/probe/invalid").json()["errors"]) == 100


def test_an_outage_says_when_to_come_back(client: httpx2.Client) -> None:
    """Unavailable has a Retry-After."""
    response = client.get("/probe/unavailable")
    assert_problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "7"


def test_a_crash_tells_nothing(client: httpx2.Client) -> None:
    """A 500 has a request id to look up and no internals."""
    response = client.get("/probe/crash")
    assert_problem(response, 500, "internal")
    assert "internals" not in response.text


def test_a_crash_tells_with_debug(serve_app: Callable[..., httpx2.Client]) -> None:
    """DEBUG shows the exception to the caller."""
    response = serve_app(debug=True).get("/probe/crash")
    assert response.json()["detail"] == "RuntimeError: internals"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("items/x", "/path/number"), ("items/1?limit=11", "/query/limit")],
)
def test_a_bad_parameter_is_pointed_at(client: httpx2.Client, query: str, pointer: str) -> None:
    """The pointer names where the parameter is, and which."""
    response = client.get(f"/probe/{query}")
    assert_problem(response, 422, "invalid_field")
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b'{"open": -1, "tags": [1, "x"]}', ["/open", "/tags/1"]),
        (b'{"open": NaN}', ["/open"]),
        (b'{"open": 1e999}', ["/open"]),
        (b"[]", [""]),
        (b"", [""]),
        (b'{"open": ', [""]),
    ],
)
def test_a_bad_body_is_pointed_into(
    client: httpx2.Client, body: bytes, pointers: list[str]
) -> None:
    """The pointer is a JSON pointer into the body; nothing of what was sent is echoed."""
    response = client.post(
        "/probe/bars", content=body, headers={"content-type": "application/json"}
    )
    assert_problem(response, 422, "invalid_field")
    assert [error["pointer"] for error in response.json()["errors"]] == pointers


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", b"[" * 100_000, b'{"open": ' + b"9" * 5000 + b"}"]
)
def test_an_undecodable_body(client: httpx2.Client, body: bytes) -> None:
    """Bytes that are no text, nesting too deep and numbers too long are a 422, as documented."""
    response = client.post(
        "/probe/bars", content=body, headers={"content-type": "application/json"}
    )
    assert_problem(response, 422, "bad_body")


def test_a_body_that_is_too_large(client: httpx2.Client) -> None:
    """A large Content-Length is refused before anything is read."""
    response = client.post("/probe/bars", content=b"x" * (8 * 1024 * 1024 + 1))
    assert_problem(response, 413, "too_large")


def test_a_chunked_body_that_is_too_large(serve_app: Callable[..., httpx2.Client]) -> None:
    """Without a Content-Length the bytes are counted as they come in."""

    def chunks() -> Iterator[bytes]:
        yield from [b"x" * 100] * 11

    response = serve_app(max_body_bytes=1000).post("/probe/bars", content=chunks())
    assert_problem(response, 413, "too_large")


@pytest.mark.parametrize(
    ("path", "code", "seconds"),
    [
        ("refused", "database_unavailable", "1"),
        ("exhausted", "database_busy", "1"),
        ("driver-timeout", "database_timeout", "1"),
        ("full", "database_full", "30"),
    ],
)
def test_a_database_that_is_away(client: httpx2.Client, path: str, code: str, seconds: str) -> None:
    """What a retry may cure is a 503 with Retry-After, whichever exception it began as."""
    response = client.get(f"/probe/{path}")
    assert_problem(response, 503, code)
    assert response.headers["retry-after"] == seconds


def test_wrong_sql_is_not_an_outage(client: httpx2.Client) -> None:
    """No retry cures a bug of ours."""
    assert_problem(client.get("/probe/bug"), 500, "internal")


def test_not_a_number_becomes_null(client: httpx2.Client) -> None:
    """JSON has no NaN."""
    assert client.get("/probe/nan").json() == {"value": None}
