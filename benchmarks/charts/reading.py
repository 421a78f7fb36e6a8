"""Reading charts: pages of points, of a short series and of one of a million, and a whole chart.

Our clients ask PostgreSQL, say who they are and are counted, and each of their addresses is new.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks.charts.desks import LARGE_BODIES, PEER, Desk, candles, desk, send
from benchmarks.charts.peers import CHART, SERIES, as_a_peer
from benchmarks.costs import MICRO, Cost, cost, in_turns
from benchmarks.figures import Figure
from benchmarks.processes import MEASURED, ROOT, as_in_production, on, python, serving
from benchmarks.workbench import Workbench

SHORT, LONG = 10_000, 1_000_000
PAGE = 500
LENGTHS = ("short", "long")
RAW_SECONDS = "2"
PEER_PAGES, PEER_CHARTS = 183, 37


def points(bench: Workbench) -> Iterator[Figure]:
    """500 points, beside a peer, the driver and bare ASGI; and of a long series."""
    page = f"{CHART}/history/0/{SERIES}?count={PAGE}"
    yield as_a_peer(bench, f"{PAGE} points of a series", page, PEER_PAGES)
    with desk(bench, *LENGTHS, **LARGE_BODIES) as here:
        for series, count in zip(LENGTHS, (SHORT, LONG), strict=True):
            here.put(series, candles(count))
        inner = candles(SHORT // 2)[0]["time"]
        newest, inside = (
            [here.cost(f"{here.points(series)}?count={PAGE}{before}") for series in LENGTHS]
            for before in ("", f"&before={inner}")
        )
        floor, ours, long, *middle = in_turns(partial(_raw, here, PAGE), *newest, *inside)
        with _sending(bench, here, f"{here.points('short')}?count={PAGE}") as bare:
            [sent] = in_turns(bare)
    yield Figure(
        what="the same, as our clients ask",
        unit="requests/s",
        floor=PEER_PAGES,
        ours=ours.rate,
        at_least=5,
        how=f"p99 {ours.p99:.0f} ms; {PEER}",
    )
    yield Figure(
        what="the same, CPU",
        unit="µs CPU",
        floor=floor.cpu + sent.cpu,
        ours=ours.cpu,
        how=f"API {_split(ours)}, with a token and limits; "
        f"floor: raw driver {_split(floor)}, bare ASGI {sent.cpu:.0f}",
    )
    yield Figure(
        what=f"the same, of {LONG:,} points",
        unit="µs CPU",
        floor=ours.cpu,
        ours=long.cpu,
        at_most=1.2,
        how=f"floor: of {SHORT:,}",
    )
    yield Figure(
        what="the same, in the middle of them",
        unit="µs CPU",
        floor=middle[0].cpu,
        ours=middle[1].cpu,
        at_most=1.2,
        how=f"floor: of {SHORT:,}",
    )


def whole(bench: Workbench) -> Iterator[Figure]:
    """A chart and all of its 10,000 points, which are two requests of our clients, and one of the
    peer's.
    """
    yield as_a_peer(bench, f"a whole chart of {SHORT:,} points", CHART, PEER_CHARTS)
    with desk(bench, "short") as here:
        here.put("short", candles(SHORT))
        path = f"{here.points('short')}?count={SHORT}"
        with _sending(bench, here, path) as bare:
            sent, floor, chart, ours = in_turns(
                bare,
                partial(_raw, here, SHORT),
                here.cost(f"{here.document}?"),
                here.cost(path),
            )
    yield Figure(
        what="the same, as our clients ask",
        unit="charts/s",
        floor=PEER_CHARTS,
        ours=1 / (1 / chart.rate + 1 / ours.rate),
        at_least=5,
        how=f"the document {chart.rate:,.0f}/s, its points {ours.rate:,.0f}/s; {PEER}",
    )
    yield Figure(
        what="the same, CPU",
        unit="µs CPU",
        floor=floor.cpu + sent.cpu,
        ours=chart.cpu + ours.cpu,
        how=f"the document {_split(chart)}, its points {_split(ours)}; "
        f"floor: raw driver {_split(floor)}, bare ASGI {sent.cpu:.0f}",
    )


@contextmanager
def _sending(bench: Workbench, here: Desk, path: str) -> Iterator[Callable[[], Cost]]:
    """Bare ASGI that answers the same bytes."""
    body = bench.folder / "points"
    body.write_bytes(send(here, here.connect(), "GET", path, b""))
    settings = as_in_production(here.database)
    with serving(python("benchmarks.serve", "bare", str(body)), settings) as bare:
        yield cost(bare, "/")


def _raw(here: Desk, count: int) -> Cost:
    command = python("benchmarks.charts.raw_points", here.database, str(count), RAW_SECONDS)
    with on(MEASURED):
        said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    ours, backend = json.loads(said)
    return Cost(ours * MICRO, backend * MICRO)


def _split(cost: Cost) -> str:
    return f"{cost.server:.0f} + backend {cost.backends:.0f}"
