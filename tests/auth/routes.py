"""The operations of the application, and how to ask for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import httpx2
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import WebSocketRoute

from tradeapi.web.principal import NEEDS_READ_OR_LIST_SHARE, NEEDS_READ_OR_SHARE, need_of

Headers = Mapping[str, str] | list[tuple[bytes, bytes]]


JSON = "application/json"
# Where `{}` says too little.
WATCHLIST = "/api/v1/watchlists/{id}"
BODIES = {
    f"POST {WATCHLIST}/duplicate": (JSON, '{"name": "Copy"}'),
    f"POST {WATCHLIST}/items": (JSON, '{"symbol": "US:NONE"}'),
    f"PATCH {WATCHLIST}/items": (JSON, '{"items": [{"symbol": "US:NONE"}]}'),
    f"POST {WATCHLIST}/import": ("text/csv", "symbol\nUS:NONE"),
    "POST /api/v1/webhooks": (JSON, '{"url": "https://example.com/"}'),
    "PATCH /api/v1/notifications/{id}": (JSON, '{"read": true}'),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """`scope` None: it is for everybody. `is_declared`: it says so.

    `is_for_logins`: an API key is not enough, whatever it may do. `is_for_shares`: a share of what
    it shows is enough.
    """

    method: str
    path: str
    scope: str | None
    is_declared: bool
    is_for_logins: bool
    is_for_shares: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def ask(
        self, client: httpx2.Client, headers: Headers, *, junk: bool, id: str | None = None
    ) -> httpx2.Response:
        """With an id that nobody has unless told, or with `junk`: nothing is right but the
        credentials.
        """
        id = "%00" if junk else id or str(uuid4())
        symbol = "%00" if junk else "US:NONE"
        path = self.path.replace("{id}", id).replace("{symbol}", symbol).replace("{code}", "NONE")
        path = path.replace("{series}", "price").replace("{share}", str(uuid4()))
        path = path.replace("{delivery}", str(uuid4()))
        type, body = BODIES.get(self.name, (JSON, "{}"))
        body = "{" if junk else body
        typed = {"content-type": type}
        sent = [*headers, *((b"content-type", type.encode()),)]
        return client.request(
            self.method,
            path,
            params={"limit": "junk"} if junk else {"resolution": "1d"},
            content=body if self.method != "GET" else None,
            headers=sent if isinstance(headers, list) else {**headers, **typed},
        )


def operations(app: FastAPI) -> list[Operation]:
    """Of all routes; sockets ask who calls in their own way."""
    found = []
    for context in iter_route_contexts(app.routes):
        need = need_of(context)
        scope = need.scopes[0] if need is not None and need.scopes else None
        methods = sorted(context.methods or ())
        if not isinstance(context.original_route, WebSocketRoute):
            # Another application below ours takes any, and declares nothing.
            methods = methods or ["ANY"]
        found += [
            Operation(
                method,
                context.path or "",
                scope,
                need is not None,
                need is not None and need.is_for_logins,
                need in {NEEDS_READ_OR_SHARE.dependency, NEEDS_READ_OR_LIST_SHARE.dependency},
            )
            for method in methods
        ]
    return found
