"""The files that pages of others load."""

import hashlib
from collections.abc import Callable

import httpx2
import pytest

from tradeapi.web.assets import DATAFEED

PATH = "/static/datafeed.js"


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_the_datafeed_is_served(client: httpx2.Client, coding: str) -> None:
    """As a script, in any coding, and not again to whoever has it."""
    answer = client.get(PATH, headers={"accept-encoding": coding})
    assert answer.content == DATAFEED
    assert answer.headers.get("content-encoding", "identity") == coding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, no-cache"
    known = {"accept-encoding": coding, "if-none-match": answer.headers["etag"]}
    again = client.get(PATH, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    assert hashlib.sha256(DATAFEED).hexdigest().startswith(answer.headers["etag"][3:-1])
    assert client.get(PATH, headers={"if-none-match": 'W/"another"'}).content == DATAFEED


def test_pages_of_other_origins_may_import_it(client: httpx2.Client) -> None:
    """If they may call."""
    origin = "http://localhost:8080"
    answer = client.get(PATH, headers={"origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin


def test_it_is_for_everybody(serve_app: Callable[..., httpx2.Client]) -> None:
    """Who has no token has to load it to send one."""
    assert serve_app(auth_required=True).get(PATH).content == DATAFEED
