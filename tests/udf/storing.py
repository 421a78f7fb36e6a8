"""A page's charts that save what their user draws, as the ones of TradingView do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2

FIELDS = {"symbol": "US:AAPL", "resolution": "1D"}


@dataclass(frozen=True)
class Storage:
    """`base` is `charts_storage_url`, with a path token where there is one."""

    http: httpx2.Client
    base: str = "/udf-storage"
    client: str = "page.example.com"
    user: str = "public_user_id"
    headers: Mapping[str, str] | None = None

    def call(self, method: str, what: str, form: object = None, **query: str) -> httpx2.Response:
        """`form`: a mapping is sent as the client does it, bytes with headers as they are."""
        parameters = {"client": self.client, "user": self.user, **query}
        url = f"{self.base}/1.1/{what}?{urlencode(parameters)}"
        if isinstance(form, Mapping):
            return self.http.request(method, url, data=form, headers=self.headers)
        return self.http.request(method, url, content=form, headers=self.headers)  # type: ignore[arg-type]

    def done(self, method: str, what: str, form: object = None, **query: str) -> Any:
        """The answer, which is 200 whatever has happened."""
        answer = self.call(method, what, form, **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["status"] == "ok", body
        return body

    def fault(self, method: str, what: str, form: object = None, **query: str) -> str:
        answer = self.call(method, what, form, **query)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"status": "error", "message": answer.json()["message"]}
        return str(answer.json()["message"])

    def save(self, name: str = "Test", content: str = "{}", **query: str) -> str:
        """A new chart's id."""
        form = {"name": name, "content": content, **FIELDS}
        return str(self.done("POST", "charts", form, **query)["id"])

    def charts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.done("GET", "charts")["data"]
        return found

    def content(self, id: str) -> str:
        return str(self.done("GET", "charts", chart=id)["data"]["content"])

    def templates(self, kind: str = "study", **query: str) -> list[Any]:
        found: list[Any] = self.done("GET", f"{kind}_templates", **query)["data"]
        return found
