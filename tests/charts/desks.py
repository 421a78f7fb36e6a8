"""A chart that somebody works with over HTTP, and points for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.auth.people import Person
from tradeapi.charts.points import SeriesType

MINUTE = 60
FIRST = 1_700_000_000
PRICES = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0}

Json = dict[str, Any]


def panes(*types: str) -> list[Json]:
    """A pane with a series of each type, under its name."""
    return [{"series": [{"id": type, "type": type} for type in types]}]


def candle(number: int, **fields: object) -> Json:
    """The one of minute `number`."""
    return {"time": FIRST + number * MINUTE, **PRICES, **fields}


def candles(*numbers: int) -> list[Json]:
    return [candle(number) for number in numbers]


def dots(count: int, *, first: int = 0) -> list[Json]:
    """Points with one value."""
    return [
        {"time": FIRST + number * MINUTE, "value": number % 97 + 0.25}
        for number in range(first, first + count)
    ]


@dataclass(frozen=True, slots=True)
class Desk:
    """One chart of one person."""

    person: Person
    id: str

    @classmethod
    def of(cls, person: Person, **fields: object) -> "Desk":
        answer = person.call("POST", "/charts", {"panes": panes(*SeriesType), **fields})
        assert answer.status_code == 201, answer.text
        return cls(person, answer.json()["id"])

    @property
    def path(self) -> str:
        return f"/charts/{self.id}"

    def points(self, series: str = "candlestick") -> str:
        return f"{self.path}/series/{series}/points"

    def chart(self) -> Json:
        chart: Json = self.person.get(self.path)
        return chart

    def series(self, id: str) -> Json:
        """As the chart has it."""
        found = [one for pane in self.chart()["panes"] for one in pane["series"]]
        (series,) = (one for one in found if one["id"] == id)
        return dict(series)

    def change(self, **fields: object) -> httpx2.Response:
        return self.person.call("PATCH", self.path, fields)

    def put(self, points: object, series: str = "candlestick") -> httpx2.Response:
        return self.person.call("PUT", self.points(series), points)

    def post(
        self, points: object, series: str = "candlestick", *, amend: bool = False
    ) -> httpx2.Response:
        query = "?amend=true" if amend else ""
        return self.person.call("POST", self.points(series) + query, points)

    def read(self, query: str = "", series: str = "candlestick") -> Json:
        page: Json = self.person.get(self.points(series) + query)
        return page

    def items(self, query: str = "", series: str = "candlestick") -> list[Json]:
        return list(self.read(query, series)["items"])


def times(items: Sequence[Json]) -> list[float]:
    return [item["time"] for item in items]
