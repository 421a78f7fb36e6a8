"""A million points set at once, and how long others wait for their answers meanwhile."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import orjson

from benchmarks.charts.desks import LARGE_BODIES, Desk, candles, desk, send
from benchmarks.figures import Figure
from benchmarks.processes import MEASURING, get, on, python
from benchmarks.workbench import Workbench

POINTS = 1_000_000
# What a request may have without a setting is 8 MiB.
PART = 80_000
HEALTH = "/health"
# Whoever asks more often while the parser has its turn waits for its own questions.
EVERY_SECONDS = 0.05
PEER_STALL = 3_250


class Wait(NamedTuple):
    """In milliseconds, but for the `seconds` that all took; `gap` is the loop's longest, and `held`
    the longest that was no waiting for a core.
    """

    p99: float
    longest: float
    gap: float
    held: float
    seconds: float


def million(bench: Workbench) -> Iterator[Figure]:
    points = candles(POINTS)
    one = orjson.dumps(points)
    parts = [orjson.dumps(points[low : low + PART]) for low in range(0, POINTS, PART)]
    del points
    ways = {"in one request": [one], "in parts of 8 MiB": parts}
    with desk(bench, "long", server=python("benchmarks.charts.watched"), **LARGE_BODIES) as here:
        for name, bodies in ways.items():
            wait = _wait(here, bodies)
            yield Figure(
                what=f"health while {POINTS:,} points are set {name}, 99 %",
                unit="ms",
                ours=wait.p99,
                at_most=100,
                how=f"at most {wait.longest:.0f} ms; {wait.seconds:.1f} s in all, "
                f"{sum(map(len, bodies)) / 1e6:.0f} MB; a peer, of another run, answers nothing "
                f"for {PEER_STALL:,} ms",
            )
            yield Figure(
                what=f"the loop held meanwhile, {name}",
                unit="ms",
                ours=wait.held,
                at_most=50,
                how=f"without a turn for up to {wait.gap:.0f} ms, with what it waits for a core "
                "that others have",
            )


def _wait(here: Desk, bodies: Sequence[bytes]) -> Wait:
    get(here.served, "/gap")
    get(here.served, "/gap")
    begun = time.perf_counter()
    with on(MEASURING), ThreadPoolExecutor(1) as threads:
        waits = _probe(here, threads.submit(_set, here, bodies))
    seconds = time.perf_counter() - begun
    gap, held = (seconds * 1000 for seconds in orjson.loads(get(here.served, "/gap")))
    return Wait(float(np.quantile(waits, 0.99)), max(waits), gap, held, seconds)


def _set(here: Desk, bodies: Sequence[bytes]) -> None:
    connection = here.connect()
    for number, body in enumerate(bodies):
        send(here, connection, "POST" if number else "PUT", here.points("long"), body)


def _probe(here: Desk, setting: Future[None]) -> list[float]:
    """How long each answer took, from when it was due to be asked for: nobody who came during a
    stall is left out because the one before was still waiting.
    """
    waits = []
    connection = here.connect()
    due = time.perf_counter()
    while not setting.done():
        time.sleep(max(0.0, due - time.perf_counter()))
        send(here, connection, "GET", HEALTH, b"")
        waits.append((time.perf_counter() - due) * 1000)
        due += EVERY_SECONDS
    setting.result()
    return waits
