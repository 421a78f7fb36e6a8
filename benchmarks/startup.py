"""A cold start: from the command to the first answer, and the memory that it then takes."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import psutil

from benchmarks.figures import Figure
from benchmarks.processes import CORES, get, in_development, serving, tradeapi
from benchmarks.workbench import Workbench
from tradeapi.market.providers.securities import SECURITIES

ROUNDS = 7
FRAMEWORK = "import fastapi, sqlalchemy"
READY = "/health/ready"
SYMBOLS = "/api/v1/symbols"
CHARTS = [f"/api/v1/bars/{security.symbol}?resolution=1m" for security in SECURITIES]
OPENING_SECONDS = 90


class Start(NamedTuple):
    seconds: float
    megabytes: float = 0


def startup(bench: Workbench) -> Iterator[Figure]:
    bare = in_development(bench.sqlite("empty"))
    demo = in_development(bench.sqlite("demo"), demo=True)
    _open_demo_market(demo)
    ways = _imports, partial(_serve, bare, READY), partial(_serve, demo, CHARTS[0])
    rounds = [[start() for start in ways] for _ in range(ROUNDS)]
    floor, empty, full = (min(starts) for starts in zip(*rounds, strict=True))
    for name, ours, path in (("empty", empty, READY), ("demo market", full, CHARTS[0])):
        yield Figure(
            what=f"cold start to first answer, {name}",
            unit="s",
            floor=floor.seconds,
            ours=ours.seconds,
            at_most=4,
            how=f"GET {path}; floor: {FRAMEWORK}",
        )
        yield Figure(
            what=f"resident memory after it, {name}", unit="MB", ours=ours.megabytes, at_most=150
        )


def _open_demo_market(settings: Mapping[str, str]) -> None:
    """The first time there is its history to write."""
    until = time.monotonic() + OPENING_SECONDS
    with serving(tradeapi("serve"), settings, CORES) as served:
        while len(json.loads(get(served, SYMBOLS))["items"]) < len(SECURITIES) or not all(
            json.loads(get(served, chart))["time"] for chart in CHARTS
        ):
            assert time.monotonic() < until, "The demo market does not open."
            time.sleep(1)


def _imports() -> Start:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", FRAMEWORK], check=True)
    return Start(time.perf_counter() - begun)


def _serve(settings: Mapping[str, str], path: str) -> Start:
    begun = time.perf_counter()
    with serving(tradeapi("serve"), settings, CORES) as served:
        get(served, path)
        seconds = time.perf_counter() - begun
        return Start(seconds, psutil.Process(served.pid).memory_info().rss / 1e6)
