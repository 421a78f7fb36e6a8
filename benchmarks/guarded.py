"""What it costs to know who calls, and how often: quotes with it, and with neither."""

import asyncio
from collections.abc import Iterator

import httpx2

from benchmarks.costs import cost, in_turns
from benchmarks.figures import Figure
from benchmarks.market import LIVE, fill
from benchmarks.processes import Served, as_in_production, python, serving, tradeapi
from benchmarks.workbench import Workbench

PATH = f"/api/v1/quotes?symbols={LIVE.symbol}"


def guarded(bench: Workbench) -> Iterator[Figure]:
    # One process serves a database.
    urls = [bench.databases.clone() for _ in range(2)]
    for url in urls:
        asyncio.run(fill(url, LIVE))
    both = [as_in_production(url) | {"REDIS_URL": bench.redis} for url in urls]
    with (
        serving(tradeapi("serve"), both[0]) as ours,
        serving(python("benchmarks.serve", "unguarded"), both[1]) as without,
    ):
        known, anybody = in_turns(cost(ours, PATH, token=_token(ours)), cost(without, PATH))
    yield Figure(
        what="quotes, authenticated and limited",
        unit="µs CPU",
        floor=anybody.cpu,
        ours=known.cpu,
        at_most=1.35,
        how="a bearer token, PostgreSQL and Redis, against neither",
    )


def _token(ours: Served) -> str:
    person = {"email": "ada@example.com", "password": "a sentence nobody guesses"}
    with httpx2.Client(base_url=f"{ours.url}/api/v1/auth") as client:
        client.post("/register", json=person)
        form = {"username": person["email"], "password": person["password"]}
        token: str = client.post("/token", data=form).raise_for_status().json()["access_token"]
    return token
