"""Indices on the database of a service, which builds them itself."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.auth.people import Person, Service, eventually
from tests.indices.desk import Desk, date_of, golden
from tradeapi.database import Database


def built(service: Service) -> Person:
    """An admin, where INDEX:G3 of the worked example has six sessions."""
    at_desk(service, golden)
    admin = service.admin()
    build(admin, "G3", 5, count=3)
    return admin


def at_desk(service: Service, work: Callable[[Desk], Awaitable[None]]) -> None:
    """Behind the service's back."""

    async def run() -> None:
        async with Database(service.url) as database:
            await work(Desk(database))

    asyncio.run(run())


def build(admin: Person, code: str, end: int, **rules: object) -> None:
    """Up to a session; of an index that is there already the next ones."""
    if rules:
        made = admin.call("POST", "/indices", {"code": code, **rules})
        assert made.status_code == 201, made.text
    started = admin.call("POST", f"/indices/{code}/build", {"end": iso(end)})
    assert started.status_code == 202, started.text
    for _ in eventually(20):
        job = admin.get(f"/jobs/{started.json()['id']}")
        if job["finished_at"] is not None:
            break
    assert job["status"] == "succeeded", job


def iso(place: int) -> str:
    """The day of a session."""
    return date_of(place).isoformat()
