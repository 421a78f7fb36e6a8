"""Bars and trades of one symbol, and whether a chart shows what there is."""

import time
from itertools import count
from typing import Any

from tests.datafeed.page import Page
from tests.hostile.serving import Server, eventually

NAMES = "time", "open", "high", "low", "close", "volume"

_numbers = count(1)


class Market:
    """A whole minute, an hour ago, is its `now`: there is room for trades before and after."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.now = int(time.time()) // 60 * 60 - 3600
        self.ticker = f"GOLD{next(_numbers)}"
        self.symbol = f"TEST:{self.ticker}"
        server.put(f"/symbols/{self.symbol}", name="Gold", type="coin", tick_size=0.25)

    def post_bars(self, count: int) -> None:
        """Of the minutes before now."""
        items = [
            {"symbol": self.symbol, "resolution": "1m", **dict(zip(NAMES, bar, strict=True))}
            for bar in ((self.now - 60 * i, 10, 12, 9, 11, i) for i in range(count, 0, -1))
        ]
        assert self._server.post("/bars", items)["rejected"] == 0

    def correct(self, *places: int) -> None:
        """These of all bars of minutes."""
        bars = self.bars()
        items = [
            {"symbol": self.symbol, "resolution": "1m", **bar, "time": bar["time"] / 1000}
            for bar in ({**bars[place], "high": 13} for place in places)
        ]
        assert self._server.post("/bars", items)["updated"] == len(places)

    def trade(self, minute: int, price: float, seconds: int = 0) -> None:
        tick = {
            "symbol": self.symbol,
            "price": price,
            "size": 1,
            "time": self.now + minute * 60 + seconds,
        }
        assert self._server.post("/ticks", tick)["accepted"] == 1

    def bars(self, resolution: str = "1m", **query: object) -> list[dict[str, float]]:
        """As charts have them, in milliseconds."""
        items: list[dict[str, Any]] = self._server.get(
            f"/bars/{self.symbol}", resolution=resolution, format="rows", limit=50_000, **query
        )["items"]
        return [{**item, "time": item["time"] * 1000} for item in items]

    def becomes(self, page: Page, chart: int = 0, resolution: str = "1m") -> None:
        """Wait until a chart that shows all bars shows what REST has."""
        real = self.bars(resolution)
        for _ in eventually(60):
            if page.do("bars", chart=chart) == real:
                return
