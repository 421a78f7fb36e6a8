"""The index tracker's routes, as a client of it calls them, and a market for its index."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import numpy as np
from starlette.testclient import TestClient

from tests.indices.desk import GOLDEN, date_of, day_of
from tests.market import bars_http
from tests.market.places import flat
from tradeapi.clock import FixedClock

Json = dict[str, Any]


class Tracker:
    """Its market never closes unless told: every day is a session, which is told by its number."""

    def __init__(self, client: TestClient, clock: FixedClock) -> None:
        self.client = client
        self.clock = clock

    def stock(
        self,
        symbol: str,
        closes: Sequence[float],
        *,
        shares: float | Mapping[int, float],
        actions: Sequence[tuple[int, str, float]] = (),
        **fields: object,
    ) -> None:
        """One that closed at these prices, NaN for none; `shares` by session, or undated."""
        told = {name: str(value) for name, value in fields.items()}
        self.put(f"/symbols/{symbol}", {"type": "stock", **told})
        rows = [
            flat(day_of(place), close) for place, close in enumerate(closes) if not np.isnan(close)
        ]
        bars_http.post(self.client, symbol, "1d", *rows)
        dated = shares if isinstance(shares, Mapping) else {None: shares}
        counts = [
            {"effective": None if place is None else _iso(place), "shares": float(count)}
            for place, count in dated.items()
        ]
        self.put(f"/symbols/{symbol}/shares", {"items": counts})
        if actions:
            terms = [
                {"ex_date": _iso(place), "kind": kind, "value": value}
                for place, kind, value in actions
            ]
            self.put(f"/symbols/{symbol}/actions", {"items": terms})

    def golden(self) -> None:
        """The worked example, of the three largest."""
        for symbol, stock in GOLDEN.items():
            self.stock(symbol, **stock)
        self.define(count=3)

    def define(self, **rules: object) -> None:
        """As an operator may, before the first build."""
        answer = self.client.post("/api/v1/indices", json={"code": "EW100", **rules})
        assert answer.status_code == 201, answer.text

    def put(self, path: str, body: object) -> None:
        answer = self.client.put(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text

    def try_build(self, start: int, end: int) -> httpx2.Response:
        body = {"start_date": _iso(start), "end_date": _iso(end)}
        return self.client.post("/api/v1/build-index", json=body)

    def build(self, start: int, end: int) -> Json:
        return _good(self.try_build(start, end))

    def performance(self, start: int = 0, end: int = 5) -> Json:
        return self.get("index-performance", start_date=_iso(start), end_date=_iso(end))

    def levels(self, start: int = 0, end: int = 5) -> list[float]:
        return [one["value"] for one in self.performance(start, end)["performance_data"]]

    def composition(self, place: int) -> Json:
        return self.get("index-composition", date=_iso(place))

    def members(self, place: int) -> list[str]:
        return sorted(one["ticker"] for one in self.composition(place)["compositions"])

    def changes(self, start: int = 0, end: int = 5) -> Json:
        return self.get("composition-changes", start_date=_iso(start), end_date=_iso(end))

    def export(self, start: int, end: int, **body: object) -> httpx2.Response:
        body = {"start_date": _iso(start), "end_date": _iso(end), **body}
        answer = self.client.post("/api/v1/export", json=body)
        assert answer.status_code == 200, answer.text
        return answer

    def get(self, path: str, **query: str) -> Json:
        return _good(self.client.get(f"/api/v1/{path}", params=query))


def _good(answer: httpx2.Response) -> Json:
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def _iso(place: int) -> str:
    return date_of(place).isoformat()
