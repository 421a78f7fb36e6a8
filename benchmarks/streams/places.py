"""What a stream is served from: a database with symbols and somebody who may do everything."""

import asyncio
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from benchmarks.processes import (
    Served,
    as_in_production,
    python,
    serving,
    tradeapi,
)
from benchmarks.workbench import Workbench
from tradeapi.database import Database
from tradeapi.market.symbols.service import Symbols

PERSON = "ada@example.com"
PASSWORD = "a sentence nobody guesses"  # noqa: S105  it opens nothing


@dataclass(frozen=True, slots=True)
class Place:
    """`symbols` have no price yet."""

    settings: Mapping[str, str]
    symbols: Sequence[str]

    def token(self, served: Served) -> str:
        form = {"username": PERSON, "password": PASSWORD}
        answer = httpx2.post(f"{served.url}/api/v1/auth/token", data=form)
        token: str = answer.raise_for_status().json()["access_token"]
        return token


def place(bench: Workbench, symbols: int, **settings: str) -> Place:
    """On PostgreSQL, where only those who are known may read."""
    url = bench.databases.clone()
    names = [f"BENCH:S{number:03}" for number in range(symbols)]
    asyncio.run(_list(url, names))
    chosen = as_in_production(url) | {"PUBLIC_READ": "false"} | settings
    subprocess.run(
        tradeapi("user", "create", PERSON, "--admin"),
        cwd=bench.folder,  # away from any .env
        env=chosen,
        input=PASSWORD,
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return Place(chosen, names)


async def _list(url: str, names: Sequence[str]) -> None:
    async with Database(url) as database, database.transaction() as session:
        await Symbols(session).ensure(*names)


@contextmanager
def fed(bench: Workbench, place: Place) -> Iterator[tuple[Served, str]]:
    """Ours, with a socket whose lines are announced."""
    socket = str(bench.folder / "ours")
    with serving(python("benchmarks.streams.servers", "ours", socket), place.settings) as served:
        yield served, socket
