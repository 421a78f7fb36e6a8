"""A chart with series of candles on a server that is measured, and who works with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx2
import orjson

from benchmarks.costs import Cost, cost
from benchmarks.market import walk
from benchmarks.processes import Served, as_in_production, in_development, serving, tradeapi
from benchmarks.workbench import Workbench
from tradeapi.analytics.bars import PRICES
from tradeapi.market.resolutions import Resolution

NAMES = ("time", *PRICES)
# What other figures are of: lightweight-charts-pro-backend's, each of another run.
PEER = "the floor is a peer's figure from another run"
PERSON = {"email": "ada@example.com", "password": "a sentence nobody guesses"}
# A million candles in one request.
LARGE_BODIES = {"MAX_BODY_BYTES": str(128 * 1024 * 1024)}
# Callers have to say who they are.
KNOWN = {"AUTH_REQUIRED": "true"}
JSON = {"content-type": "application/json"}

Candle = dict[str, float]


def candles(count: int) -> list[Candle]:
    """Of minutes, up to a fixed end."""
    columns = [column.tolist() for column in walk(count, Resolution.MINUTE).columns()]
    rows = zip(*columns[: len(NAMES)], strict=True)
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


@dataclass(frozen=True, slots=True)
class Desk:
    """`database` is where its chart is kept."""

    served: Served
    database: str
    token: str
    chart: str

    @property
    def document(self) -> str:
        return f"/api/v1/charts/{self.chart}"

    def points(self, series: str) -> str:
        return f"{self.document}/series/{series}/points"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}", **JSON}

    def connect(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self.served.url).netloc, timeout=120)

    def put(self, series: str, points: Sequence[Candle]) -> None:
        send(self, self.connect(), "PUT", self.points(series), orjson.dumps(points))

    def cost(self, path: str) -> Callable[[], Cost]:
        """`path` has a query; with no more clients than there are connections to the database."""
        url = f"{path}&n="
        return cost(self.served, url, database=self.database, counting=True, token=self.token)


def send(desk: Desk, connection: HTTPConnection, method: str, path: str, body: bytes) -> bytes:
    connection.request(method, path, body, desk.headers)
    answer = connection.getresponse()
    said = answer.read()
    assert 200 <= answer.status < 300, said
    return said


@contextmanager
def desk(
    bench: Workbench, *series: str, server: Sequence[str] = (), url: str = "", **settings: str
) -> Iterator[Desk]:
    """On a database of its own, PostgreSQL unless `url` is another; `server` is who serves it."""
    url = url or bench.databases.clone()
    # SQLite is for one machine, and refused in production.
    is_file = url.startswith("sqlite")
    chosen = in_development(url) | KNOWN if is_file else as_in_production(url)
    with (
        serving(server or tradeapi("serve"), chosen | settings) as served,
        _client(served) as client,
    ):
        client.post("/auth/register", json=PERSON)
        form = {"username": PERSON["email"], "password": PERSON["password"]}
        login = client.post("/auth/token", data=form).raise_for_status().json()
        client.headers["authorization"] = f"Bearer {login['access_token']}"
        panes = [{"series": [{"id": one, "type": "candlestick"} for one in series]}]
        made = client.post("/charts", json={"panes": panes}).raise_for_status().json()
        yield Desk(served, url, login["access_token"], made["id"])


def _client(served: Served) -> httpx2.Client:
    return httpx2.Client(base_url=f"{served.url}/api/v1", trust_env=False)
