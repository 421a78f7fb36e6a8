"""The client of a UDF server that ships with TradingView's charts, as far as a server can tell.

Written from a description of what it does, and as careless as that says it is: it looks at no
status, takes every body without an `s` for a symbol, and throws where it throws.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

# encodeURIComponent leaves these as they are.
UNRESERVED = "!'()*-._~"
DEFAULTS = {
    "supports_search": False,
    "supports_group_request": True,
    "supported_resolutions": ["1", "5", "15", "30", "60", "1D", "1W", "1M"],
    "supports_marks": False,
    "supports_timescale_marks": False,
}
# How far a pulse looks back, in days of the resolution's unit.
DAYS = {"D": 1, "W": 7, "M": 31}
DAY = 86400

Info = Mapping[str, Any]


class Refused(Exception):
    """`errmsg`, as the charts get to see it."""


class Bar(NamedTuple):
    """`time` is in milliseconds here, as everywhere in the charts."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Bars:
    bars: Sequence[Bar]
    no_data: bool = False
    next_time: int | None = None


@dataclass
class StockClient:
    """`base` has no slash at its end. `most` is `limitedServerResponse`, latest first."""

    http: httpx2.Client
    base: str = "/udf"
    most: int | None = None
    asked: list[str] = field(default_factory=list)

    def send(self, path: str, **parameters: object) -> Any:
        query = "&".join(
            f"{name.rstrip('_')}={quote(str(value), safe=UNRESERVED)}"
            for name, value in parameters.items()
            if value is not None
        )
        self.asked.append(f"{self.base}/{path}{'?' if query else ''}{query}")
        return json.loads(self.http.get(self.asked[-1]).text, parse_constant=_no_number)

    def configuration(self) -> Mapping[str, Any]:
        try:
            found = self.send("config")
        except ValueError:
            found = DEFAULTS
        if not (found.get("supports_search") or found.get("supports_group_request")):
            raise Refused("Unsupported datafeed configuration.")
        return dict(found)

    def search(self, text: str, exchange: str = "", type: str = "") -> Sequence[Info]:
        found = self.send("search", limit=30, query=text.upper(), type=type, exchange=exchange)
        return found if isinstance(found, list) else []

    def resolve(self, name: str) -> Info:
        """Whatever has no `s` is a symbol."""
        found = self.send("symbols", symbol=name)
        if "s" in found:
            raise Refused("unknown_symbol")
        return {**found, "listed_exchange": found["listed_exchange"]}

    def open(self, name: str) -> Info:
        """As a chart does: where name and ticker differ it asks for both."""
        info = self.resolve(name)
        if info["name"] != info["ticker"]:
            again = self.resolve(info["name"])
            assert again == info
            info = self.resolve(info["ticker"])
        return info

    def bars(
        self, info: Info, resolution: str, start: float, end: float, countback: int | None = None
    ) -> Bars:
        found = self._bars(info, resolution, start, end, countback)
        # A server that has a limit is asked for what it has left out.
        page = found.bars
        while self.most is not None and len(page) == self.most and not found.no_data:
            first = page[0].time // 1000
            if countback is not None:
                countback -= self.most
                if countback <= 0:
                    break
            elif first <= start:
                break
            earlier = self._bars(info, resolution, start, first, countback)
            page = [bar for bar in earlier.bars if bar.time < found.bars[0].time]
            found = Bars([*page, *found.bars])
        return found

    def _bars(
        self, info: Info, resolution: str, start: float, end: float, countback: int | None
    ) -> Bars:
        found = self.send(
            "history",
            symbol=info["ticker"],
            resolution=resolution,
            from_=start,
            to=end,
            countback=countback,
        )
        if found["s"] not in {"ok", "no_data"}:
            # Without this the charts call a method of undefined.
            raise Refused(found["errmsg"].lower())
        if found["s"] == "no_data":
            return Bars([], no_data=True, next_time=found.get("nextTime"))
        columns = [found[name] for name in "tohlcv"]
        return Bars(
            [Bar(time * 1000, *map(float, rest)) for time, *rest in zip(*columns, strict=True)]
        )

    def marks(self, kind: str, info: Info, resolution: str, start: int, end: int) -> Any:
        """`kind` is `marks` or `timescale_marks`."""
        return self.send(kind, symbol=info["ticker"], from_=start, to=end, resolution=resolution)

    def quotes(self, *names: str) -> Mapping[str, Any]:
        """By the names as they were asked for."""
        found = self.send("quotes", symbols=",".join(names))
        if found["s"] != "ok":
            raise Refused(found["errmsg"])
        return {one["n"]: one["v"] for one in found["d"] if one["s"] == "ok"}

    def server_time(self) -> int:
        return int(self.send("time"))


def _no_number(text: str) -> float:
    raise AssertionError(f"JSON.parse throws at {text}.")


@dataclass
class Chart:
    """One that is scrolled to its first bar, and then follows the newest one."""

    client: StockClient
    info: Info
    resolution: str
    bars: list[Bar] = field(default_factory=list)
    last_time: int | None = None

    def scroll(self, now: int, *, countback: int = 300) -> None:
        """Back to where the server says that there is nothing older, or only a first page of it."""
        end: int | None = now
        while end is not None:
            asked = len(self.client.asked)
            found = self.client.bars(
                self.info, self.resolution, end - countback * self._width(), end, countback
            )
            self._check_progress(asked)
            end = self._prepend(found, end)

    def scroll_by_range(self, now: int, *, width: int) -> None:
        """The same as older versions do it, which know no countback: range by range."""
        end = now
        while True:
            asked = len(self.client.asked)
            found = self.client.bars(self.info, self.resolution, end - width, end)
            self._check_progress(asked)
            if found.no_data and found.next_time is None:
                return
            self._prepend(found, end)
            end = end - width if not found.no_data else (found.next_time or 0) + 1

    def pulse(self, now: int, *, countback: int | None = 2) -> None:
        """Every ten seconds, for as long as somebody looks."""
        days = DAYS.get(self.resolution[-1], 1)
        found = self.client.bars(
            self.info, self.resolution, now - 10 * days * DAY, now, countback
        ).bars
        if not found or (self.last_time is not None and found[-1].time < self.last_time):
            return
        if self.last_time is not None and found[-1].time > self.last_time:
            if len(found) < 2:
                raise Refused(
                    "Not enough bars in history for proper pulse update. Need at least 2."
                )
            self._take(found[-2])
        self.last_time = found[-1].time
        self._take(found[-1])

    def _take(self, bar: Bar) -> None:
        if self.bars and bar.time == self.bars[-1].time:
            self.bars[-1] = bar
        elif not self.bars or bar.time > self.bars[-1].time:
            self.bars.append(bar)
        else:
            raise Refused("time violation")

    def _prepend(self, found: Bars, end: int) -> int | None:
        """Where to go on from."""
        if found.no_data:
            # The charts would ask for what is there already.
            assert found.next_time is None or found.next_time < end
            return None if found.next_time is None else found.next_time + 1
        # An empty answer that is ok is asked for again for ever.
        assert found.bars
        times = [bar.time for bar in found.bars]
        assert times == sorted(set(times))
        assert times[-1] < end * 1000 or not self.bars
        self.bars = [*found.bars, *self.bars]
        return times[0] // 1000

    def _width(self) -> int:
        unit = self.resolution[-1]
        return DAYS[unit] * DAY if unit in DAYS else int(self.resolution) * 60

    def _check_progress(self, asked: int) -> None:
        """Charts that ask the same twice do so for ever."""
        new = self.client.asked[asked:]
        assert not set(new) & set(self.client.asked[:asked]), new
