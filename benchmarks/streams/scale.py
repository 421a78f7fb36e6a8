"""Two processes against one: what a CPU second of the servers delivers of what the bus brings."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.costs import MICRO
from benchmarks.figures import Figure
from benchmarks.processes import serving, tradeapi
from benchmarks.streams.crowd import gathered
from benchmarks.streams.places import place
from benchmarks.streams.stretches import Source, cheapest, in_turns, quickest
from benchmarks.streams.watchlists import (
    CLIENTS,
    LISTENERS,
    SYMBOLS,
    WATCHED,
    following,
    publishing,
    watching,
)
from benchmarks.workbench import Workbench

# Half of what one is given in `market`, so that one alone is not too busy.
CHANGES_PER_SECOND = 500
ROUNDS = 3


def scale(bench: Workbench) -> Iterator[Figure]:
    with ExitStack() as stack:
        two = _source(bench, stack, 2)
        if two is None:
            print("scale is left out: a second process does not serve beside the first.")
            return
        one = _source(bench, stack, 1)
        assert one is not None
        alone, together = in_turns(one, two, rounds=ROUNDS)
    yield Figure(
        what=f"two processes for {CLIENTS:,} x {WATCHED}, against one",
        unit="deliveries/CPU s",
        floor=MICRO / cheapest(alone).cpu,
        ours=MICRO / cheapest(together).cpu,
        how=f"{quickest(together).how}; one: {quickest(alone).how}; "
        f"{CHANGES_PER_SECOND} changes/s from the bus on Redis",
    )


def _source(bench: Workbench, stack: ExitStack, processes: int) -> Source | None:
    """The clients are divided; None where there can't be so many processes."""
    here = place(bench, SYMBOLS, REDIS_URL=bench.redis_database())
    try:
        servers = [
            stack.enter_context(serving(tradeapi("serve"), here.settings)) for _ in range(processes)
        ]
    except RuntimeError:
        return None
    token = here.token(servers[0])
    opening = following(here.symbols, token)
    clients = watching(here.symbols, CLIENTS, token)
    crowds = [
        stack.enter_context(gathered(bench, served.url, clients[start::processes], after=opening))
        for start, served in enumerate(servers)
    ]
    return Source(replace(publishing(here), rate=CHANGES_PER_SECOND), servers, crowds, LISTENERS)
