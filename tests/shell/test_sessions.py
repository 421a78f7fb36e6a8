"""What routes get from the database."""

import sqlite3
from collections.abc import Callable

import httpx2


def test_what_is_answered_is_committed(client: httpx2.Client) -> None:
    """The next request sees it."""
    assert client.post("/probe/exchanges/US").status_code == 200
    assert client.get("/probe/exchanges").json() == ["US"]


def test_an_error_takes_everything_back(client: httpx2.Client) -> None:
    """The rows of a request that failed are not there."""
    assert client.post("/probe/exchanges/XX?fail=true").status_code == 409
    assert "XX" not in client.get("/probe/exchanges").json()


def test_a_commit_that_fails_is_no_success(client: httpx2.Client) -> None:
    """The answer leaves after the commit, so it can still say so."""
    assert client.post("/probe/orphan").status_code == 500


def test_reading_does_not_wait_for_a_writer(
    serve_app: Callable[..., httpx2.Client], sqlite_url: str
) -> None:
    """SQLite has one writer's lock, and a reader does not take it."""
    client = serve_app()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert client.get("/probe/exchanges", timeout=2).json() == []
        writer.execute("ROLLBACK")
    writer.close()
