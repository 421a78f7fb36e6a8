"""A watchlist that somebody works with over HTTP, and symbols for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.auth.people import Person, Service

Json = dict[str, Any]

SYMBOLS = ["T:AAA", "T:BBB", "T:CCC", "T:DDD", "T:EEE"]
# All that an item has when nobody has said anything of it.
PLAIN: Json = {
    "category": None,
    "notes": "",
    "priority": "medium",
    "tags": [],
    "added_price": None,
    "target_price": None,
    "stop_loss": None,
    "alert_enabled": False,
}
FULL: Json = {
    "name": "The third letter",
    "category": "letters",
    "notes": "First line;\nsecond, with \"quotes\" and 'more'\r\n=1+1",
    "priority": "high",
    "tags": ["a b", "=formula", "'quoted"],
    "added_at": 1_700_000_000.125,
    "added_price": 0.1,
    "target_price": 1e6,
    "stop_loss": 0.000123,
    "alert_enabled": True,
}


def list_symbols(service: Service, symbols: Sequence[str] = SYMBOLS) -> Person:
    """The admin who has listed them; each has a name."""
    admin = service.admin()
    for symbol in symbols:
        answer = admin.call("PUT", f"/symbols/{symbol}", {"name": f"{symbol[2:]} Inc."})
        assert answer.is_success, answer.text
    return admin


@dataclass(frozen=True, slots=True)
class List:
    """One list of one person."""

    person: Person
    id: str

    @classmethod
    def of(cls, person: Person, name: str = "Letters", symbols: Sequence[str] = ()) -> "List":
        answer = person.call("POST", "/watchlists", {"name": name})
        assert answer.status_code == 201, answer.text
        made = cls(person, answer.json()["id"])
        for symbol in symbols:
            made.add(symbol)
        return made

    @property
    def path(self) -> str:
        return f"/watchlists/{self.id}"

    def read(self) -> Json:
        document: Json = self.person.get(self.path)
        return document

    def version(self) -> int:
        return int(self.read()["version"])

    def items(self) -> list[Json]:
        return list(self.read()["items"])

    def symbols(self) -> list[str]:
        items = self.items()
        assert [item["position"] for item in items] == list(range(len(items)))
        return [item["symbol"] for item in items]

    def add(self, symbol: str, **fields: object) -> Json:
        answer = self.try_add(symbol, **fields)
        assert answer.status_code == 201, answer.text
        item: Json = answer.json()
        return item

    def try_add(self, symbol: str, **fields: object) -> httpx2.Response:
        return self.person.call("POST", f"{self.path}/items", {"symbol": symbol, **fields})

    def change(self, symbol: str, **fields: object) -> httpx2.Response:
        return self.person.call("PATCH", f"{self.path}/items/{symbol}", fields)

    def export(self) -> str:
        return self.person.call("GET", f"{self.path}/export").text

    def take(self, text: str | bytes, *, mode: str = "merge") -> httpx2.Response:
        return self.person.client.post(
            f"/api/v1{self.path}/import?mode={mode}",
            content=text,
            headers=self.person.headers | {"content-type": "text/csv"},
        )
