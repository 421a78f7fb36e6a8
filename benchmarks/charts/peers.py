"""What a peer's figures are of, lightweight-charts-pro-backend's: asked in its own protocol, by 32
connections for the same thing again and again, by nobody in particular. Its points are in memory;
ours are in a file.
"""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import orjson

from benchmarks.charts.desks import JSON, PEER, candles
from benchmarks.costs import cost, in_turns
from benchmarks.figures import Figure
from benchmarks.processes import Served, get, in_development, python, serving, tradeapi
from benchmarks.workbench import Workbench

CHART = "/api/charts/desk"
SERIES = "price"
COUNT = 10_000
# The chart shows all points of a series that has no more.
WHOLE = {"CHUNK_SIZE_THRESHOLD": str(COUNT)}


def as_a_peer(bench: Workbench, what: str, path: str, peer: int) -> Figure:
    """`path` is that of a chart with 10,000 points, or below it; `peer` in requests a second."""
    settings = in_development(bench.sqlite(what.replace(" ", "-"))) | WHOLE
    with serving(tradeapi("serve"), settings) as served:
        _set(served)
        answer = bench.folder / "answer"
        answer.write_bytes(get(served, path))
        with serving(python("benchmarks.serve", "bare", str(answer)), settings) as bare:
            ours, floor = in_turns(cost(served, path), cost(bare, "/"))
    return Figure(
        what=what,
        unit="requests/s",
        floor=peer,
        ours=ours.rate,
        at_least=5,
        how=f"as the peer was asked, p99 {ours.p99:.0f} ms, {ours.cpu:,.0f} µs CPU; bare ASGI "
        f"{floor.rate:,.0f}/s, {floor.cpu:,.0f} µs; {PEER}",
    )


def _set(served: Served) -> None:
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=120)
    points = {"pane_id": 0, "series_type": "candlestick", "data": candles(COUNT)}
    connection.request("POST", f"{CHART}/data/{SERIES}", orjson.dumps(points), JSON)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
