"""What a request costs a server, measured in turns with what it is compared with."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import psutil
from sqlalchemy import make_url

from benchmarks.load import fire
from benchmarks.processes import Served, cpu_seconds

ROUNDS = 5
SECONDS = 2
MICRO = 1e6


class Cost(NamedTuple):
    """CPU microseconds per request; requests per second; the slowest hundredth's milliseconds."""

    server: float
    backends: float = 0.0
    rate: float = 0.0
    p99: float = 0.0

    @property
    def cpu(self) -> float:
        return self.server + self.backends


def in_turns(*measured: Callable[[], Cost]) -> list[Cost]:
    """The best of several rounds of each: whatever else the machine does only makes it worse."""
    rounds = [[measure() for measure in measured] for _ in range(ROUNDS)]
    return [_best(costs) for costs in zip(*rounds, strict=True)]


def _best(costs: Sequence[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.cpu)._replace(
        rate=max(cost.rate for cost in costs), p99=min(cost.p99 for cost in costs)
    )


def cost(
    served: Served,
    path: str,
    *,
    database: str | None = None,
    counting: bool = False,
    token: str | None = None,
) -> Callable[[], Cost]:
    """Measures the server, and with `database` its backends too; see `fire` for the rest."""
    url = served.url + path

    def measure() -> Cost:
        fire(url, seconds=1, counting=counting, token=token)
        backends = backends_of(database) if database else []
        before = cpu_seconds(served.pid), cpu_seconds(*backends)
        load = fire(url, seconds=SECONDS, counting=counting, token=token)
        spent = cpu_seconds(served.pid) - before[0], cpu_seconds(*backends) - before[1]
        server, backend = (seconds / load.requests * MICRO for seconds in spent)
        return Cost(server, backend, load.rate, load.p99 * 1000)

    return measure


def backends_of(database: str) -> list[int]:
    """PostgreSQL's processes that serve connections to this database."""
    name = f" {make_url(database).database} "
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if (title := " ".join(process.info["cmdline"] or ())).startswith("postgres: ")
        and name in title
    ]
