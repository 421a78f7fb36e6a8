"""`python -m benchmarks [NAME...]`: measures, and prints one table; fails where a target is missed.

Each benchmark compares within one run, in turns, since the machine may have other work: CPU time
rather than time on the clock wherever the figure allows it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks import history
from benchmarks.alerts import alerts
from benchmarks.backup import backup
from benchmarks.charts.million import million
from benchmarks.charts.reading import points, whole
from benchmarks.charts.writing import appends
from benchmarks.figures import Figure, table
from benchmarks.guarded import guarded
from benchmarks.import_bars import imports
from benchmarks.indices.builds import builds
from benchmarks.indices.holdings import holdings
from benchmarks.indices.reads import reads
from benchmarks.jobs import jobs
from benchmarks.machine import machine
from benchmarks.middleware import middleware
from benchmarks.overload import overload
from benchmarks.processes import allow_many_files
from benchmarks.replica import replica
from benchmarks.startup import startup
from benchmarks.streams.alerting import alerting
from benchmarks.streams.fanout import fanout
from benchmarks.streams.live import live
from benchmarks.streams.memory import memory
from benchmarks.streams.scale import scale
from benchmarks.streams.slow import slow
from benchmarks.streams.storm import storm
from benchmarks.streams.tick import tick
from benchmarks.streams.watchlists import market
from benchmarks.tracing import tracing
from benchmarks.watchlists import priced
from benchmarks.webhooks import webhooks
from benchmarks.workbench import Workbench

BENCHMARKS: dict[str, Callable[[Workbench], Iterator[Figure]]] = {
    "history": history.anew,
    "kept": history.kept,
    "short": history.short,
    "derived": history.derived,
    "replica": replica,
    "guarded": guarded,
    "imports": imports,
    "middleware": middleware,
    "overload": overload,
    "tracing": tracing,
    "startup": startup,
    "fanout": fanout,
    "market": market,
    "slow": slow,
    "live": live,
    "tick": tick,
    "scale": scale,
    "memory": memory,
    "storm": storm,
    "points": points,
    "whole": whole,
    "appends": appends,
    "million": million,
    "priced": priced,
    "jobs": jobs,
    "alerts": alerts,
    "alerting": alerting,
    "webhooks": webhooks,
    "builds": builds,
    "reads": reads,
    "holdings": holdings,
    "backup": backup,
}


def main(names: list[str]) -> int:
    unknown = set(names) - BENCHMARKS.keys()
    if unknown:
        print(f"There is no {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
        return 2
    allow_many_files()
    figures: list[Figure] = []
    with ExitStack() as resources:
        bench = Workbench(resources)
        for name in names or BENCHMARKS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            figures += BENCHMARKS[name](bench)
    print(table(figures))
    print(machine())
    return 0 if all(figure.is_met for figure in figures) else 1


sys.exit(main(sys.argv[1:]))
