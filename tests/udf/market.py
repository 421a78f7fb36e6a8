"""A market of every kind that a chart may meet: breaks, nights, holidays, gaps, splits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.testclient import TestClient

from tests.market.bars_http import get, post
from tests.market.places import Row
from tests.udf.stock import Bar, StockClient
from tradeapi.clock import FixedClock
from tradeapi.market.calendars.calendar import Calendar

DAY = 86400


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# Tuesday, 10:00 in New York, between Thanksgiving and Christmas.
NOW = instant("2024-12-03T15:00")
# Both sides of the end of daylight saving in New York, on November 3.
FIRST = instant("2024-10-28")
CALENDARS = {"US": "XNYS", "HK": "XHKG", "FUT": "CMES", "COIN": "24x7"}
MINUTES = ("US:ACME", "HK:LUNCH", "FUT:NIGHT", "COIN:ALL")
RESOLUTIONS = {
    "1": "1m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "240": "4h",
    "1D": "1d",
    "1W": "1w",
    "1M": "1M",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The application, and its clock."""

    http: TestClient
    clock: FixedClock

    @property
    def client(self) -> StockClient:
        return StockClient(self.http)

    @property
    def now(self) -> int:
        return int(self.clock.now())

    def history(self, symbol: str, resolution: str, **query: object) -> list[Bar]:
        """All there is over REST, as a chart would have it."""
        name = RESOLUTIONS[resolution]
        found = get(self.http, symbol, resolution=name, adjustment="splits", limit=50_000, **query)
        names = ("open", "high", "low", "close", "volume")
        columns = [found[name] for name in names]
        return [
            Bar(time * 1000, *rest) for time, *rest in zip(found["time"], *columns, strict=True)
        ]


def fill(place: Place, calendars: dict[str, Calendar]) -> None:
    for code, name in CALENDARS.items():
        place.http.put(f"/api/v1/exchanges/{code}", json={"calendar": name}).raise_for_status()
    for symbol in (*MINUTES, "US:DAYS", "US:ONE", "US:NONE", "HK:ACME"):
        fields = {"tick_size": 0.01, "type": "coin" if symbol == "COIN:ALL" else "stock"}
        place.http.put(f"/api/v1/symbols/{symbol}", json=fields).raise_for_status()
    for symbol in MINUTES:
        post(place.http, symbol, "1m", *minutes(calendars[symbol.partition(":")[0]]))
    post(place.http, "US:DAYS", "1d", *days(calendars["US"]))
    post(place.http, "US:ONE", "1d", (instant("2024-12-02"), 1, 1, 1, 1, 1))
    actions = [
        # On a Sunday, on a day within a gap, and announced for later.
        {"ex_date": "2024-11-10", "kind": "split", "value": 2},
        {"ex_date": "2024-11-20", "kind": "dividend", "value": 0.25},
        {"ex_date": "2024-11-20", "kind": "special", "value": 0.01},
        {"ex_date": "2024-11-20", "kind": "split", "value": 0.5},
        {"ex_date": "2025-01-15", "kind": "split", "value": 3},
    ]
    for symbol in ("US:ACME", "US:DAYS"):
        body = {"items": actions}
        place.http.put(f"/api/v1/symbols/{symbol}/actions", json=body).raise_for_status()


def minutes(calendar: Calendar) -> Sequence[Row]:
    """One in ten of the session's, without November 13 to 20, until NOW."""
    spans = calendar.parts(FIRST, NOW + DAY).tolist()
    gap = range(instant("2024-11-13"), instant("2024-11-21"))
    times = (
        time
        for _, open, close in spans
        for time in range(open, close, 600)
        if time <= NOW and time not in gap
    )
    return [*_rows(times)]


def days(calendar: Calendar) -> Sequence[Row]:
    """Twelve years of them."""
    return [*_rows(day for day, _, _ in calendar.parts(instant("2012-12-03"), NOW).tolist())]


def _rows(times: Iterator[int]) -> Iterator[Row]:
    for number, time in enumerate(times):
        price = 100 + number % 17 / 4
        yield time, price, price + 1, price - 0.5, price + 0.25, 8 + number % 5
