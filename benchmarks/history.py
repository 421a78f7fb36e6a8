"""History over HTTP: 5,000 bars made anew, kept, and of a resolution that nobody ingested."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks.costs import MICRO, Cost, cost, in_turns
from benchmarks.figures import Figure
from benchmarks.market import ASKED, HOURS, MINUTES, ONLY_MINUTES, Series, walk
from benchmarks.processes import (
    MEASURED,
    ROOT,
    Served,
    as_in_production,
    get,
    on,
    python,
    serving,
    tradeapi,
)
from benchmarks.workbench import Workbench
from tradeapi.analytics.bars import COLUMNS
from tradeapi.market.resolutions import Resolution

FORM_SECONDS = "2"
# Each request asks for bars before an end that nobody named before: the bars are the same, but no
# answer that was kept, by whatever layer, is an answer to it.
ANEW = "&end="
PEER_RATE = 183


def anew(bench: Workbench) -> Iterator[Figure]:
    """5,000 bars as columns with nothing kept, against the cheapest of three raw forms."""
    with _ours(bench) as served:
        path = _path(MINUTES) + ANEW
        _check(served, path + "2000000000")
        blocks, ours = in_turns(
            partial(_raw, bench.market, "blocks"),
            cost(served, path, database=bench.market, counting=True),
        )
        others = [_raw(bench.market, form) for form in ("rows", "json_columns")]
    yield Figure(
        what="history, 5,000 bars, nothing kept",
        unit="µs CPU",
        floor=min(form.cpu for form in (blocks, *others)),
        ours=ours.cpu,
        at_most=1.6,
        how=f"API {_split(ours)}, {ours.rate:,.0f}/s; raw: blocks {_split(blocks)}, "
        f"rows {_split(others[0])}, JSON by the server {_split(others[1])}",
    )


def kept(bench: Workbench) -> Iterator[Figure]:
    """The same again and again, with everything that wraps a request, against bare ASGI."""
    path = _path(MINUTES)
    with _ours(bench) as served:
        body = bench.folder / "body"
        body.write_bytes(get(served, path))
        with serving(
            python("benchmarks.serve", "bare", str(body)), as_in_production(bench.market)
        ) as bare:
            floor, ours = in_turns(cost(bare, "/"), cost(served, path))
    yield Figure(
        what="the same, kept",
        unit="requests/CPU s",
        floor=MICRO / floor.cpu,
        ours=MICRO / ours.cpu,
        at_least=0.35,
        how=f"CPU {floor.cpu:.0f} and {ours.cpu:.0f} µs per request; by the clock "
        f"{floor.rate:,.0f} and {ours.rate:,.0f}/s",
    )


def short(bench: Workbench) -> Iterator[Figure]:
    """500 bars, made anew each time and kept."""
    path = _path(MINUTES, limit=500)
    with _ours(bench) as served:
        new, old = in_turns(
            cost(served, path + ANEW, database=bench.market, counting=True), cost(served, path)
        )
    yield Figure(
        what="history, 500 bars, nothing kept",
        unit="requests/s",
        floor=PEER_RATE,
        ours=new.rate,
        at_least=10,
        how=f"p99 {new.p99:.0f} ms; CPU API {_split(new)}; kept: {old.rate:,.0f}/s, "
        f"p99 {old.p99:.1f} ms; the floor is a peer's figure from another run",
    )


def derived(bench: Workbench) -> Iterator[Figure]:
    """5,000 bars of an hour: folded from minutes, against ingested as they are."""
    with _ours(bench) as served:
        native, folded = in_turns(
            *(
                cost(
                    served,
                    _path(series, Resolution.HOUR) + ANEW,
                    database=bench.market,
                    counting=True,
                )
                for series in (HOURS, ONLY_MINUTES)
            )
        )
    yield Figure(
        what="5,000 bars of 1h from minutes alone",
        unit="µs CPU",
        floor=native.cpu,
        ours=folded.cpu,
        at_most=1.5,
        how=f"floor: API {_split(native)}; ours: API {_split(folded)}",
    )


@contextmanager
def _ours(bench: Workbench) -> Iterator[Served]:
    with serving(tradeapi("serve"), as_in_production(bench.market)) as served:
        yield served


def _path(series: Series, resolution: Resolution | None = None, limit: int = ASKED) -> str:
    resolution = resolution or series.resolution
    return f"/api/v1/bars/{series.symbol}?resolution={resolution}&limit={limit}"


def _raw(url: str, form: str) -> Cost:
    command = python("benchmarks.raw_forms", url, form, FORM_SECONDS)
    with on(MEASURED):
        said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    ours, backend = json.loads(said)
    return Cost(ours * MICRO, backend * MICRO)


def _check(served: Served, path: str) -> None:
    """The answer is what the raw forms answer."""
    answer = json.loads(get(served, path))
    columns = walk(MINUTES.count, MINUTES.resolution)[-ASKED:].columns()
    assert [answer[name] for name in COLUMNS] == [column.tolist() for column in columns]


def _split(cost: Cost) -> str:
    return f"{cost.server:.0f} + backend {cost.backends:.0f}"
