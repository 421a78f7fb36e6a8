"""From a tick that is posted to the webhook of the alert that it fires, among 100,000 alerts."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import httpx2
import numpy as np
import psutil
from uuid_utils.compat import uuid7

from benchmarks.figures import Figure
from benchmarks.processes import (
    MEASURED,
    MEASURING,
    Served,
    cpu_seconds,
    get,
    on,
    python,
    serving,
    tradeapi,
)
from benchmarks.streams.places import Place, place
from benchmarks.streams.publisher import LEVEL, Plan, Sent, publish
from benchmarks.workbench import Workbench
from tradeapi.alerts.models import Alert
from tradeapi.auth.models import User
from tradeapi.database import Base
from tradeapi.notifications.webhooks.models import Webhook
from tradeapi.notifications.webhooks.service import PURPOSE
from tradeapi.notifications.webhooks.signing import new_secret
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets

SYMBOLS = 5_000
ALERTS = 100_000
ALERTS_OF_A_USER = 1_000
SWINGING = 20
HOOKS = 10
TICKS_PER_SECOND = 200
# Of the ticks each of these is of a price that swings, and so every other of them fires an alert.
SWINGS_EVERY = 20
# As feeds send them.
TICKS_AT_ONCE = 10
SECONDS = 10.0
ROUNDS = 2
PRICES_AT_ONCE = 1_000
LOADING_SECONDS = 300
SETTLING_SECONDS = 5
LATE_SECONDS = 10
LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Worker:
    """`seconds` is how long it took to read the alerts, `cpu` what that took, and `megabytes` what
    it has in memory since.
    """

    pid: int
    seconds: float
    cpu: float
    megabytes: float


class Told(NamedTuple):
    """What the receiver heard of so many ticks; `seconds` are the CPU's, of the worker alone, and
    `due` is how many alerts there were to fire.
    """

    sent: Sent
    delays: Sequence[float]
    seconds: float
    due: int

    @property
    def cpu(self) -> float:
        return self.seconds / self.sent.count

    def delay(self, share: float) -> float:
        """The milliseconds within which such a share of the webhooks came."""
        return float(np.quantile(self.delays, share)) / 1000 if self.delays else float("inf")


def webhooks(bench: Workbench) -> Iterator[Figure]:
    settings = {
        # Nobody else may have webhooks sent to the machine itself.
        "ENVIRONMENT": "development",
        "AUTH_REQUIRED": "true",
        "DEMO": "false",
        "OUTGOING_TO_LOOPBACK": "true",
        "MAIL_URL": "",
        "REDIS_URL": bench.redis_database(),
        "ROLES": "",
    }
    here = place(bench, SYMBOLS, **settings)
    swinging, quiet = here.symbols[:SWINGING], here.symbols[SWINGING:]
    receiver_command = python("benchmarks.receiver")
    with (
        serving(receiver_command, {}, MEASURING) as receiver,
        serving(tradeapi("serve"), here.settings) as served,
    ):
        token = here.token(served)
        _price(served, token, here.symbols)
        still = _plan(served, quiet, token)
        swing = _plan(served, _mixed(quiet, swinging), token, swinging)
        with _working(bench, here) as idle:
            bare = [_tell(still, receiver, idle.pid) for _ in range(ROUNDS)]
        asyncio.run(_set_up(here, swinging, receiver))
        with _working(bench, here) as first:
            asyncio.run(_all_seen(here))
        hooking = python(
            "benchmarks.streams.redis_servers",
            "hooking",
            bench.redis,
            bench.databases.clone(),
            receiver.url,
        )
        with _working(bench, here) as worker:
            asyncio.run(_all_seen(here))
            watched = [_tell(still, receiver, worker.pid) for _ in range(ROUNDS)]
            with serving(hooking, {}) as lean:
                by_hand = _plan(lean, swing.symbols, "", swinging)
                rounds = [
                    (_tell(by_hand, receiver), _tell(swing, receiver, worker.pid))
                    for _ in range(ROUNDS)
                ]
    yield from _figures(idle, first, worker, bare, watched, rounds)


def _figures(  # noqa: PLR0913, PLR0917  what was measured
    idle: Worker,
    first: Worker,
    worker: Worker,
    bare: Sequence[Told],
    watched: Sequence[Told],
    rounds: Sequence[tuple[Told, Told]],
) -> Iterator[Figure]:
    floor, ours = (_together(told) for told in zip(*rounds, strict=True))
    for share in 0.5, 0.99:
        yield Figure(
            what=f"a tick to the webhook of its alert, {share:.0%}",
            unit="ms",
            floor=floor.delay(share),
            ours=ours.delay(share),
            how=f"{ALERTS:,} alerts on {SYMBOLS:,} symbols, {TICKS_PER_SECOND} ticks/s in tens, "
            f"{_came(ours)}; floor: an upsert, a publish and a POST, {_came(floor)}",
        )
    none, quiet = (min(one.cpu for one in told) for told in (bare, watched))
    fired = (ours.cpu - quiet) * ours.sent.count / max(1, len(ours.delays))
    yield Figure(
        what="a tick on a symbol with alerts that none fires",
        unit="µs CPU",
        floor=none * 1e6,
        ours=quiet * 1e6,
        how="of the worker; floor: one that watches no alerts, as its other work takes",
    )
    yield Figure(
        what="an alert that fires, and its webhook",
        unit="ms CPU",
        ours=fired * 1000,
        how="of the worker, beyond what ticks take",
    )
    yield Figure(
        what=f"{ALERTS:,} alerts loaded",
        unit="s",
        ours=worker.seconds,
        how=f"{worker.cpu - idle.cpu:.1f} s of CPU; the first time {first.seconds:.1f} s",
    )
    yield Figure(
        what="memory of a worker with these",
        unit="MB",
        floor=idle.megabytes,
        ours=worker.megabytes,
        how="floor: one that watches no alerts",
    )


def _together(told: Sequence[Told]) -> Told:
    """Of one round there are few."""
    return Told(
        Sent(sum(one.sent.count for one in told), sum(one.sent.refused for one in told)),
        [*chain(*(one.delays for one in told))],
        sum(one.seconds for one in told),
        sum(one.due for one in told),
    )


def _came(told: Told) -> str:
    """Who can't keep up is sent less."""
    return f"{len(told.delays)} of {told.due} came, of {told.sent.count:,} ticks"


def _due(sent: Sent) -> int:
    """Of each swinging symbol every other price is above the level."""
    each, more = divmod(sent.count // SWINGS_EVERY, SWINGING)
    return (SWINGING - more) * (each // 2) + more * ((each + 1) // 2)


def _price(served: Served, token: str, symbols: Sequence[str]) -> None:
    """All have had a trade."""
    now, headers = time.time(), {"Authorization": f"Bearer {token}"}
    for start in range(0, len(symbols), PRICES_AT_ONCE):
        items = [
            {"symbol": symbol, "price": LEVEL + 1, "size": 1, "time": now}
            for symbol in symbols[start : start + PRICES_AT_ONCE]
        ]
        url = f"{served.url}/api/v1/ticks"
        httpx2.post(url, json={"items": items}, headers=headers, timeout=60).raise_for_status()


def _mixed(quiet: Sequence[str], swinging: Sequence[str]) -> Sequence[str]:
    """As many as there are ticks, of which one in so many swings."""
    others, swings = cycle(quiet), cycle(swinging)
    blocks = int(SECONDS * TICKS_PER_SECOND) // SWINGS_EVERY
    return [
        symbol
        for _ in range(blocks)
        for symbol in chain(islice(others, SWINGS_EVERY - 1), islice(swings, 1))
    ]


def _plan(served: Served, symbols: Sequence[str], token: str, swinging: Sequence[str] = ()) -> Plan:
    return Plan(
        to="ticks",
        place=served.url,
        symbols=symbols,
        rate=TICKS_PER_SECOND,
        seconds=SECONDS,
        at_once=TICKS_AT_ONCE,
        token=token,
        swinging=swinging,
    )


def _tell(plan: Plan, receiver: Served, *workers: int) -> Told:
    _heard(receiver)
    before = cpu_seconds(*workers)
    sent = publish(plan)
    due = _due(sent) if plan.swinging else 0
    until = time.monotonic() + LATE_SECONDS
    delays = _heard(receiver)
    while len(delays) < due and time.monotonic() < until:
        time.sleep(LOOK_EVERY_SECONDS)
        delays += _heard(receiver)
    return Told(sent, delays, cpu_seconds(*workers) - before, due)


def _heard(receiver: Served) -> list[float]:
    delays: list[float] = json.loads(get(receiver, "/"))
    return delays


@contextmanager
def _working(bench: Workbench, here: Place) -> Iterator[Worker]:
    """A worker that has read all alerts."""
    log = bench.folder / f"worker-{uuid7()}"
    with log.open("wb") as output, on(MEASURED):
        process = subprocess.Popen(
            tradeapi("worker", "--roles", "alerts,jobs"),
            cwd=bench.folder,  # away from any .env
            env={"PATH": os.environ["PATH"], **here.settings},
            stdout=output,
        )
    with process:
        try:
            began, ended = _loaded(log, process)
            cpu = cpu_seconds(process.pid)
            megabytes = psutil.Process(process.pid).memory_info().rss / 1e6
            yield Worker(process.pid, ended - began, cpu, megabytes)
        finally:
            process.terminate()


def _loaded(log: Path, process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """When it began to read the alerts, and when it had."""
    until = time.monotonic() + LOADING_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        times = {
            event["event"]: datetime.fromisoformat(event["timestamp"]).timestamp()
            for event in map(json.loads, log.read_text().splitlines())
        }
        if "alerts.loaded" in times:
            return times["lease.taken"], times["alerts.loaded"]
        time.sleep(LOOK_EVERY_SECONDS)


async def _all_seen(here: Place) -> None:
    """Until what alerts are is written, where they stand."""
    connection = await asyncpg.connect(here.settings["DATABASE_URL"])
    until = time.monotonic() + LOADING_SECONDS
    while await connection.fetchval("SELECT count(*) FROM alerts WHERE state LIKE '%?%'"):
        assert time.monotonic() < until, "The worker does not write what alerts are."
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    await connection.close()
    await asyncio.sleep(SETTLING_SECONDS)


async def _set_up(here: Place, swinging: Sequence[str], receiver: Served) -> None:
    """Users with alerts of which none fires, but for one on each of the swinging symbols."""
    connection = await asyncpg.connect(here.settings["DATABASE_URL"])
    heads = await connection.fetch(
        "SELECT s.symbol, s.id, h.version, h.last, h.last_time FROM symbols s "
        "JOIN heads h ON h.symbol_id = s.id ORDER BY s.symbol"
    )
    users = [uuid7() for _ in range(ALERTS // ALERTS_OF_A_USER)]
    safe = Safe.of(Secrets(here.settings["SECRET_KEY"]), PURPOSE)
    await _copy(connection, User, [_user(id) for id in users])
    await _copy(connection, Webhook, [_webhook(id, receiver, safe) for id in users[:HOOKS]])
    await _copy(
        connection,
        Alert,
        (
            _alert(head, users[number % len(users)], _far(number))
            for number, head in enumerate(islice(cycle(heads), ALERTS - len(swinging)))
        ),
    )
    firing = {"type": "price", "is": "crosses_up", "level": float(LEVEL)}
    chosen = [head for head in heads if head["symbol"] in swinging]
    await _copy(
        connection,
        Alert,
        [
            _alert(head, user, firing) | {"is_repeating": True, "channels": '["webhook"]'}
            for head, user in zip(chosen, cycle(users[:HOOKS]), strict=False)
        ],
    )
    # As the server does by itself some time after.
    await connection.execute("ANALYZE")
    await connection.close()


def _far(number: int) -> Mapping[str, Any]:
    """A level that no price comes to; no two are the same."""
    if number // SYMBOLS % 2:
        return {"type": "price", "is": "crosses_up", "level": 1e15 + number}
    return {"type": "price", "is": "crosses_down", "level": 0.5 / (1 + number)}


def _user(id: UUID) -> Mapping[str, Any]:
    return {
        "id": id,
        "email": f"{id}@example.com",
        "role": "user",
        "scopes": "read write",
        "created_at": time.time(),
    }


def _webhook(user: UUID, receiver: Served, safe: Safe) -> Mapping[str, Any]:
    now = time.time()
    return {
        "id": uuid7(),
        "user_id": user,
        "url": f"{receiver.url}/{user}",
        "description": "",
        "secret": safe.close(new_secret()),
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def _alert(head: Mapping[str, Any], user: UUID, condition: Mapping[str, Any]) -> dict[str, Any]:
    """As it is armed when it is made."""
    now = time.time()
    return {
        "id": uuid7(),
        "owner_id": user,
        "symbol_id": head["id"],
        "conditions": json.dumps([condition]),
        "match": "all",
        "is_repeating": False,
        "cool_down": 0.0,
        "note": "",
        "channels": "[]",
        "status": "active",
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "armed_at": now,
        "base_version": head["version"],
        "base_price": head["last"],
        "base_time": head["last_time"],
        "state": "?",
        "fired_count": 0,
    }


async def _copy(connection: Any, table: type[Base], rows: Any) -> None:  # noqa: ANN401  untyped
    found = [*rows]
    names = list(found[0])
    await connection.copy_records_to_table(
        table.__tablename__, columns=names, records=[tuple(row.values()) for row in found]
    )
