"""Reading indices: a year of one, what it holds, and what changed, made anew and kept.

Each answer is compared with bare ASGI that sends the same bytes; no route of the API is in it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.costs import MICRO, cost, in_turns
from benchmarks.figures import Figure
from benchmarks.indices.builds import works_on
from benchmarks.indices.universe import Universe, fill, made_up
from benchmarks.processes import Served, as_in_production, python, serving, tradeapi
from benchmarks.workbench import Workbench
from tradeapi.indices.schemas import IndexIn
from tradeapi.indices.service import Indices
from tradeapi.market.calendars.days import date_at

STOCKS, SESSIONS = 130, 1259
YEAR = 252
# Requests per second, and of those that bare ASGI answers in a second of CPU.
KEPT, KEPT_SHARE = 1940, 0.15
# No parameter of any route: each address is new, and no answer that was kept is an answer to it.
ANEW = "&anew="


class Read(NamedTuple):
    """`anew` are the requests per second that are wanted where nothing is kept, if any are."""

    what: str
    path: str
    anew: float | None = None


def reads(bench: Workbench) -> Iterator[Figure]:
    """Of the 100 largest of 130 stocks, over five years."""
    url = bench.databases.clone()
    everything = asyncio.run(made_up(STOCKS))
    universe = Universe(
        everything.days[-SESSIONS:], everything.close[-SESSIONS:], everything.shares
    )
    asyncio.run(fill(url, universe))
    asyncio.run(_build(url, int(universe.days[-1])))
    first, last = (date_at(int(universe.days[place])) for place in (-YEAR, -1))
    year, index = f"start={first}&end={last}", "/api/v1/indices/EW100"
    with serving(tradeapi("serve"), as_in_production(url)) as served:
        for read in (
            Read(f"the performance of {YEAR} sessions", f"{index}/performance?{year}", 485),
            Read("the constituents of a day", f"{index}/composition?date={last}"),
            Read(f"the changes of {YEAR} sessions", f"{index}/changes?{year}"),
        ):
            yield from _figures(bench, served, url, read)


def _figures(bench: Workbench, served: Served, url: str, read: Read) -> Iterator[Figure]:
    answer = _answer(served, read.path)
    if answer is None:
        return
    body = bench.folder / "answer"
    body.write_bytes(answer)
    with ExitStack() as resources:
        command = python("benchmarks.serve", "bare", str(body))
        bare = resources.enter_context(serving(command, as_in_production(url)))
        floor, anew, kept = in_turns(
            cost(bare, "/"),
            cost(served, read.path + ANEW, counting=True),
            cost(served, read.path),
        )
    for name, ours, wanted, share in (
        ("made anew", anew, read.anew, None),
        ("kept", kept, KEPT, KEPT_SHARE),
    ):
        yield Figure(
            what=f"{read.what}, {name}",
            unit="requests/s",
            ours=ours.rate,
            at_least=wanted,
            how=f"p99 {ours.p99:.1f} ms",
        )
        yield Figure(
            what="the same",
            unit="requests/CPU s",
            floor=MICRO / floor.cpu,
            ours=MICRO / ours.cpu,
            at_least=share,
            how=f"CPU {ours.cpu:.0f} µs per request, bare ASGI of {len(answer):,} bytes "
            f"{floor.cpu:.0f} µs",
        )


def _answer(served: Served, path: str) -> bytes | None:
    """None: there is no such route."""
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status == HTTPStatus.NOT_FOUND:
        return None
    assert response.status == HTTPStatus.OK, body
    return body


async def _build(url: str, last: int) -> None:
    async with works_on(url) as works:
        async with works.database.transaction() as session:
            indices = Indices(session, works.calendars, works.clock.now())
            await indices.create(IndexIn.model_validate({"code": "EW100"}), None)
        await works.build(end=date_at(last))
