"""Indices of a service, built and asked for over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

import httpx2

from tests.auth.people import Service, eventually
from tests.indices.desk import Desk, date_of
from tradeapi.database import Database

_numbers = count(1)


class Indexer:
    """Makes indices of its own few stocks, and asks for them as an admin."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.person = service.admin()

    def index(self, *closes: Sequence[float], **rules: Any) -> str:
        """Built over all sessions of stocks with these closes; its code."""
        built = rules.pop("built", len(closes[0]) - 1)
        code = asyncio.run(self._define(closes, rules))
        self.build(code, 0, built)
        return code

    def over(self, symbols: Sequence[str], built: int, **rules: Any) -> str:
        """Another index, of stocks that there are."""
        code = f"I{next(_numbers)}"
        rules = {"universe": {"symbols": symbols}, **rules}
        asyncio.run(self._defined(code, rules))
        self.build(code, 0, built)
        return code

    def build(self, code: str, start: int, end: int) -> None:
        body = {"start": date_of(start).isoformat(), "end": date_of(end).isoformat()}
        call = partial(self.service.client.request, headers=self.person.headers)
        answer = call("POST", f"/api/v1/indices/{code}/build", json=body)
        assert answer.status_code == 202, answer.text
        for _ in eventually(20):
            job = call("GET", answer.headers["location"]).json()
            if job["finished_at"] is not None:
                break
        assert job["status"] == "succeeded", job

    def ask(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.answer(path, **query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def answer(
        self, path: str, headers: Mapping[str, str] | None = None, **query: Any
    ) -> httpx2.Response:
        sent = {**self.person.headers, **(headers or {})}
        return self.service.client.get(f"/api/v1/indices/{path}", params=query, headers=sent)

    async def _define(self, closes: Sequence[Sequence[float]], rules: dict[str, Any]) -> str:
        code = f"I{next(_numbers)}"
        stocks: list[dict[str, Any]] = rules.pop("stocks", [{}] * len(closes))
        async with Database(self.service.url) as database:
            desk = Desk(database)
            names = [f"US:{code}{letter}" for letter in "ABCDEFGH"[: len(closes)]]
            for name, prices, fields in zip(names, closes, stocks, strict=True):
                await desk.stock(name, prices, **{"shares": 100, **fields})
            await desk.define(code, **{"universe": {"symbols": names}, **rules})
        return code

    async def _defined(self, code: str, rules: dict[str, Any]) -> None:
        async with Database(self.service.url) as database:
            await Desk(database).define(code, **rules)
