"""Ticks, each a request that is committed, to clients with watchlists; one process."""

from collections.abc import Iterator, Sequence

from benchmarks.figures import Figure
from benchmarks.processes import Served, python, serving, tradeapi
from benchmarks.streams.crowd import gathered
from benchmarks.streams.places import place
from benchmarks.streams.publisher import Plan
from benchmarks.streams.stretches import Source, cheapest, in_turns, quickest
from benchmarks.streams.watchlists import SYMBOLS, WATCHED, following, watching
from benchmarks.workbench import Workbench

CLIENTS = 500
LISTENERS = CLIENTS * WATCHED // SYMBOLS
TICKS_PER_SECOND = 200
SECONDS = 4.0
ROUNDS = 2


def tick(bench: Workbench) -> Iterator[Figure]:
    here = place(bench, SYMBOLS, REDIS_URL=bench.redis_database())
    floor = python(
        "benchmarks.streams.redis_servers", "upserting", bench.redis, bench.databases.clone()
    )
    with serving(floor, {}) as lean, serving(tradeapi("serve"), here.settings) as served:
        token = here.token(served)
        clients = watching(here.symbols, CLIENTS, token)
        with (
            gathered(bench, lean.url, watching(here.symbols, CLIENTS)) as plain,
            gathered(bench, served.url, clients, after=following(here.symbols, token)) as known,
        ):
            floors, ours = in_turns(
                Source(_plan(lean, here.symbols), [lean], [plain], LISTENERS),
                Source(_plan(served, here.symbols, token), [served], [known], LISTENERS),
                rounds=ROUNDS,
            )
    least, told = quickest(floors), quickest(ours)
    for share in 0.5, 0.99:
        yield Figure(
            what=f"a tick to {CLIENTS} x {WATCHED}, {share:.0%}",
            unit="ms",
            floor=least.delay(share),
            ours=told.delay(share),
            how=f"{TICKS_PER_SECOND} ticks/s, {told.how}; "
            f"floor: an upsert, a publish and an ASGI send, {least.how}",
        )
    yield Figure(
        what="the same, a tick",
        unit="µs CPU",
        floor=cheapest(floors).cpu * LISTENERS,
        ours=cheapest(ours).cpu * LISTENERS,
        how=f"of the API alone, with its {LISTENERS} deliveries",
    )


def _plan(served: Served, symbols: Sequence[str], token: str = "") -> Plan:
    return Plan(
        to="ticks",
        place=served.url,
        symbols=symbols,
        rate=TICKS_PER_SECOND,
        seconds=SECONDS,
        token=token,
    )
