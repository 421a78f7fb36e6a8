"""Ticks to clients of a process that watches alerts on all of their symbols, and of one that does
not.
"""

import asyncio
import time
from collections.abc import Iterator

import httpx2
from sqlalchemy import select

from benchmarks.alerts import ALERTS, put_alerts
from benchmarks.figures import Figure
from benchmarks.processes import Served, serving, tradeapi
from benchmarks.streams.crowd import gathered
from benchmarks.streams.places import Place, place
from benchmarks.streams.publisher import Plan
from benchmarks.streams.stretches import Source, cheapest, in_turns, quickest
from benchmarks.streams.tick import CLIENTS, LISTENERS, ROUNDS, SECONDS, TICKS_PER_SECOND
from benchmarks.streams.watchlists import SYMBOLS, following, watching
from benchmarks.workbench import Workbench
from tradeapi.database import Database
from tradeapi.market.models import Symbol

MOST = 1e12


def alerting(bench: Workbench) -> Iterator[Figure]:
    """What a tick takes to its clients, and what it costs."""
    without = place(bench, SYMBOLS, REDIS_URL=bench.redis_database(), ROLES="jobs")
    watched = place(bench, SYMBOLS, REDIS_URL=bench.redis_database(), ROLES="alerts,jobs")
    asyncio.run(_put_alerts(watched))
    with (
        serving(tradeapi("serve"), without.settings) as plain,
        serving(tradeapi("serve"), watched.settings) as served,
    ):
        tokens = without.token(plain), watched.token(served)
        _wait(served, tokens[1])
        groups = [
            gathered(
                bench,
                server.url,
                watching(here.symbols, CLIENTS, token),
                after=following(here.symbols, token),
            )
            for here, server, token in zip((without, watched), (plain, served), tokens, strict=True)
        ]
        with groups[0] as first, groups[1] as second:
            plans = [
                Plan(
                    to="ticks",
                    place=server.url,
                    symbols=here.symbols,
                    rate=TICKS_PER_SECOND,
                    seconds=SECONDS,
                    token=token,
                )
                for here, server, token in zip(
                    (without, watched), (plain, served), tokens, strict=True
                )
            ]
            floors, ours = in_turns(
                Source(plans[0], [plain], [first], LISTENERS),
                Source(plans[1], [served], [second], LISTENERS),
                rounds=ROUNDS,
            )
    least, told = quickest(floors), quickest(ours)
    for share in 0.5, 0.99:
        yield Figure(
            what=f"a tick to its clients with {ALERTS:,} alerts, {share:.0%}",
            unit="ms",
            floor=least.delay(share),
            ours=told.delay(share),
            at_most=1.1,
            how=f"one process does both; floor: it watches none, {least.how}",
        )
    yield Figure(
        what="the same, a tick",
        unit="µs CPU",
        floor=cheapest(floors).cpu * LISTENERS,
        ours=cheapest(ours).cpu * LISTENERS,
    )


def _wait(served: Served, token: str) -> None:
    """Until all alerts are watched."""
    headers = {"authorization": f"Bearer {token}"}
    while (
        f"alerts_watched {ALERTS:.1f}"
        not in httpx2.get(f"{served.url}/metrics", headers=headers).text
    ):
        time.sleep(0.5)


async def _put_alerts(place: Place) -> None:
    async with Database(place.settings["DATABASE_URL"]) as database:
        async with database.reading() as session:
            ids = (await session.scalars(select(Symbol.id))).all()
        # Their prices are the times at which they were sent.
        await put_alerts(database, ALERTS, ids, most=MOST)
