"""A cold start: from the command to the first answer, and the memory that it then takes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import psutil

from benchmarks.figures import Figure
from benchmarks.processes import CORES, get, in_development, serving, tradeapi
from benchmarks.workbench import Workbench

ROUNDS = 7
FRAMEWORK = "import fastapi, sqlalchemy"
READY = "/health/ready"
CHART = READY


class Start(NamedTuple):
    seconds: float
    megabytes: float = 0


def startup(bench: Workbench) -> Iterator[Figure]:
    bare = in_development(bench.sqlite("empty"))
    demo = in_development(bench.sqlite("demo"), demo=True)
    ways = _imports, partial(_serve, bare, READY), partial(_serve, demo, CHART)
    for start in ways:
        start()  # the first time the demo market has its history to write
    rounds = [[start() for start in ways] for _ in range(ROUNDS)]
    floor, empty, full = (min(starts) for starts in zip(*rounds, strict=True))
    for name, ours, path in (("empty", empty, READY), ("demo market", full, CHART)):
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


def _imports() -> Start:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", FRAMEWORK], check=True)
    return Start(time.perf_counter() - begun)


def _serve(settings: dict[str, str], path: str) -> Start:
    begun = time.perf_counter()
    with serving(tradeapi("serve"), settings, CORES) as served:
        get(served, path)
        seconds = time.perf_counter() - begun
        return Start(seconds, psutil.Process(served.pid).memory_info().rss / 1e6)
