"""History from a standby, held against the primary, and from the primary alone."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from sqlalchemy import make_url

from benchmarks.costs import Cost, cost, in_turns
from benchmarks.figures import Figure
from benchmarks.market import ASKED, END, MINUTES, fill
from benchmarks.processes import MEASURING, Served, as_in_production, on, serving, tradeapi
from benchmarks.workbench import Workbench
from tests.conftest import KEEPER
from tests.hostile.postgres import postgres
from tradeapi.migrations import upgrade

NAME = "replicated"
BARS = f"/api/v1/bars/{MINUTES.symbol}?resolution={MINUTES.resolution}&limit={ASKED}"
# No answer is kept of a URL that is new, and a number that is no revision changes none.
OVER = f"{BARS}&end={END - 3600}&revision="
NEWEST = f"{BARS}&end="
SECONDS = 30


def replica(bench: Workbench) -> Iterator[Figure]:
    with _both(bench) as (alone, replicated):
        costs = {
            path: in_turns(
                *(
                    cost(served, path, database=f"postgresql://-/{NAME}", counting=True)
                    for served in (alone, replicated)
                )
            )
            for path in (OVER, NEWEST)
        }
    for path, what, at_most in (
        (OVER, "history that is over, by a standby", 1.15),
        (NEWEST, "the newest history, by a standby", 1.15),
    ):
        plain, ours = costs[path]
        yield Figure(
            what=what,
            unit="µs CPU",
            floor=plain.cpu,
            ours=ours.cpu,
            at_most=at_most,
            how=f"5,000 bars made anew; floor: by the primary, API {_split(plain)}; "
            f"ours: API {_split(ours)}",
        )


@contextmanager
def _both(bench: Workbench) -> Iterator[tuple[Served, Served]]:
    """One that has the primary alone, and one that has both."""
    os.environ[KEEPER] = str(bench.keeper)
    with on(MEASURING), postgres() as primary, postgres(primary) as standby:
        url = asyncio.run(primary.create(NAME))
        upgrade(url)
        asyncio.run(fill(url, MINUTES))
        settings = as_in_production(url) | {"REDIS_URL": bench.redis, "ROLES": ""}
        there = make_url(standby.url).set(database=NAME).render_as_string(hide_password=False)
        with (
            serving(tradeapi("serve"), settings) as alone,
            serving(tradeapi("serve"), settings | {"DATABASE_REPLICA_URL": there}) as replicated,
        ):
            _wait(replicated)
            yield alone, replicated


def _wait(served: Served) -> None:
    until = time.monotonic() + SECONDS
    while httpx2.get(f"{served.url}/health/ready").json()["status"] != "ready":
        if time.monotonic() > until:
            raise TimeoutError("The standby does not follow.")
        time.sleep(0.1)


def _split(cost: Cost) -> str:
    return f"{cost.server:.0f} + backends {cost.backends:.0f}"
