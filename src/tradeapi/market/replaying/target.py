"""The running service that a replay talks to, like any other client."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from httpx2 import Client, HTTPError, Response

from tradeapi.errors import Conflict, TradeError, Unavailable
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick

TIMEOUT_SECONDS = 10.0
# How long a service that went away is waited for.
PATIENCE_SECONDS = 30.0
RETRY_SECONDS = 0.5
TOO_MANY = 429


class Target:
    """One symbol of the service, and what became of the trades that were sent there.

    Raises Unavailable when no service answers, and TradeError with what it says when it refuses.
    """

    def __init__(self, client: Client, symbol: str) -> None:
        self.symbol = symbol
        self.statuses: Counter[str] = Counter()
        self._client = client
        # Marks the trades of this run: sent twice they count once, in the next run they are new.
        self._run = uuid4().hex[:12]
        self._sent = 0
        self.reached = 0.0

    @property
    def refused(self) -> int:
        """How many trades the service did not take."""
        return self.statuses.total() - self.statuses["accepted"]

    def create(self) -> bool:
        """Have the symbol there; whether it is new."""
        found = self._request("GET", f"symbols/{self.symbol}")
        if found.status_code != 404:
            _checked(found)
            return False
        _checked(self._request("PUT", f"symbols/{self.symbol}", json={"type": "other"}))
        return True

    def make_way(self, start: int, end: int, *, reset: bool) -> int:
        """Have no 1-minute bars in the range; how many were deleted. Raises Conflict."""
        span = {"resolution": Resolution.MINUTE.value, "start": start, "end": end}
        if reset:
            deleted = self._request("DELETE", f"bars/{self.symbol}", params=span)
            return int(_checked(deleted)["removed"])
        there = _checked(self._request("GET", f"bars/{self.symbol}", params={**span, "limit": 1}))
        if there["time"]:
            raise Conflict(
                f"{self.symbol} has 1-minute bars between {clock(start)} and {clock(end)}: where "
                "they were imported trades don't change them, and those of an earlier replay would "
                "count twice. Replay with --reset to delete them first."
            )
        return 0

    def send(self, ticks: Sequence[Tick]) -> None:
        """Sent until the service has taken them; raises Conflict where its bars are native."""
        items = [
            {
                "symbol": self.symbol,
                "price": tick.price,
                "size": tick.size,
                "time": tick.time,
                "id": f"{self._run}-{self._sent + place}",
            }
            for place, tick in enumerate(ticks)
        ]
        answer = _checked(self._persistently("POST", "ticks", {"items": items}))
        self._sent += len(ticks)
        self.reached = ticks[-1].time
        codes = [item["code"] for item in answer["items"] if item["status"] == "rejected"]
        self.statuses.update(codes)
        self.statuses["accepted"] += len(ticks) - len(codes)
        if "bar_is_native" in codes:
            raise Conflict(
                f"Bars of {self.symbol} were posted or imported during the replay, and trades "
                "don't change those. Replay with --reset to delete them first."
            )

    def _persistently(self, method: str, path: str, body: object) -> Response:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._request(method, path, json=body)
            except Unavailable:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code == TOO_MANY:
                    # The service is there, and says when it goes on.
                    time.sleep(float(answer.headers.get("retry-after", "1")))
                    continue
                if answer.status_code < 500 or time.monotonic() > until:
                    return answer
            time.sleep(RETRY_SECONDS)

    def _request(self, method: str, path: str, **more: Any) -> Response:  # noqa: ANN401
        try:
            return self._client.request(method, f"/api/v1/{path}", **more)
        except HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(
                f"No service answers at {self._client.base_url} ({reason}). "
                "Start one with `tradeapi serve`."
            ) from error


def clock(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M")


def _checked(answer: Response) -> Mapping[str, Any]:
    if answer.is_success:
        body: Mapping[str, Any] = answer.json()
        return body
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        raise TradeError(answer.json()["detail"])
    raise TradeError(f"{answer.url} answered {answer.status_code}: is it a tradeapi service?")
