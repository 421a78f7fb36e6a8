"""A trade to all of 200 sockets: from its request until the last of them has it."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.figures import Figure
from benchmarks.processes import serving, tradeapi
from benchmarks.streams.crowd import gathered, subscriber
from benchmarks.streams.places import place
from benchmarks.streams.publisher import Plan, topic
from benchmarks.streams.stretches import Source
from benchmarks.workbench import Workbench

SOCKETS = 200
# So few that none waits for the one before.
TICKS_PER_SECOND = 10
SECONDS = 8.0
# Milliseconds, of another run on another machine.
PEER, PEER_AT_MOST = 912, 1_603


def live(bench: Workbench) -> Iterator[Figure]:
    here = place(bench, 1)
    with serving(tradeapi("serve"), here.settings) as served:
        token = here.token(served)
        clients = [subscriber([topic(here.symbols[0])], token)] * SOCKETS
        with gathered(bench, served.url, clients) as crowd:
            source = Source(_plan(served.url, here.symbols, token), [served], [crowd], SOCKETS)
            told = source.tell()
    lasts = told.heard.until_all(SOCKETS) * 1000
    yield Figure(
        what=f"a tick to all of {SOCKETS} sockets, 99 %",
        unit="ms",
        floor=PEER,
        ours=float(np.quantile(lasts, 0.99)),
        at_most=1,
        how=f"half in {np.median(lasts):.1f} ms, {len(lasts)} of {told.sent.count} came to all; "
        "the floor is a peer's figure as quoted, lightweight-charts-pro-backend, "
        f"{PEER} to {PEER_AT_MOST:,} ms",
    )


def _plan(url: str, symbols: Sequence[str], token: str) -> Plan:
    return Plan(
        to="ticks",
        place=url,
        symbols=symbols,
        rate=TICKS_PER_SECOND,
        seconds=SECONDS,
        token=token,
    )
