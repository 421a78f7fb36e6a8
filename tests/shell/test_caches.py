"""What admins are told of the caches."""

import os
from collections.abc import Callable
from typing import Any

from tests.auth.people import Person, Service
from tests.market import bars_http
from tests.market.places import DAY, TODAY, flat
from tests.serving import plain_log, serve

__all__ = ["plain_log", "serve"]


def test_a_cache_says_how_often_it_was_of_use(serve: Callable[..., Service]) -> None:
    """And how much it holds; one that was never asked has no ratio."""
    service = serve()
    admin, client = service.admin(), service.client
    client.headers.update(admin.headers)
    assert admin.call("PUT", "/symbols/US:KEPT", {}).is_success
    bars_http.post(client, "US:KEPT", "1d", *[flat(TODAY - n * DAY, 10) for n in range(3)])
    before = _told(admin, "responses")
    for _ in range(4):
        bars_http.get(client, "US:KEPT", resolution="1d")
    after = _told(admin, "responses")
    assert (after["hits"] - before["hits"], after["misses"] - before["misses"]) == (3, 1)
    assert after["hit_ratio"] == after["hits"] / (after["hits"] + after["misses"])
    assert after["entries"] == 1
    assert after["bytes"] > 0
    assert admin.get("/admin/cache")["process"] == os.getpid()
    assert {"indices", "index_levels", "points", "years", "ends"} <= {
        one["name"] for one in admin.get("/admin/cache")["caches"]
    }
    assert _told(admin, "years")["bytes"] is None


def _told(admin: Person, name: str) -> dict[str, Any]:
    caches: list[dict[str, Any]] = admin.get("/admin/cache")["caches"]
    return next(one for one in caches if one["name"] == name)
