"""Backups of two million bars, against the bare tools of PostgreSQL on the same database.

The floor of making one is `pg_dump`, that of proving one is `pg_restore` into a new database; ours
count every row and compare, encrypt, and go through a file that is whole or not there. Memory is
that of our process: the tools have their own.
"""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pyrage import x25519
from sqlalchemy import make_url

from benchmarks.figures import Figure
from benchmarks.market import Series, fill
from benchmarks.processes import ROOT, in_development, tradeapi
from benchmarks.workbench import Workbench
from tests.servers.programs import POSTGRES, find
from tradeapi.market.resolutions import Resolution
from tradeapi.ops.backup.desk import Desk
from tradeapi.ops.backup.programs import environment, program
from tradeapi.ops.backup.server import scratch
from tradeapi.settings import Settings

BARS = Series("BENCH:BACKUP", Resolution.MINUTE, 2_000_000)
TURNS = 3


def backup(bench: Workbench) -> Iterator[Figure]:
    """Time on the clock, in turns, and the best of each: most of it is the tools'."""
    server = find(POSTGRES, bench.folder).resolve()
    os.environ["PATH"] = f"{server.parent}{os.pathsep}{os.environ['PATH']}"
    url = bench.databases.clone()
    asyncio.run(fill(url, BARS))
    identity = x25519.Identity.generate()
    public, secret = str(identity.to_public()), str(identity)
    plain = _desk(url, bench.folder / "plain")
    sealed = _desk(
        url, bench.folder / "sealed", backup_recipients=(public,), backup_identity=secret
    )
    dump = bench.folder / "bare.dump"
    names = "bare", "plain", "sealed"
    making, proving = (dict.fromkeys(names, float("inf")) for _ in range(2))
    checking = float("inf")
    for _ in range(TURNS):
        _keep(making, "bare", _seconds(lambda: _dump(url, dump)))
        _keep(proving, "bare", asyncio.run(_restore(url, dump)))
        for name, desk in (("plain", plain), ("sealed", sealed)):
            _keep(making, name, asyncio.run(desk.create()).seconds)
            proof = asyncio.run(desk.verify("latest"))
            _keep(proving, name, proof.restoring_seconds)
            checking = min(checking, proof.checking_seconds)
    for name, said in (("plain", ""), ("sealed", ", encrypted")):
        yield Figure(
            what=f"backup of {BARS.count:,} bars{said}",
            unit="s",
            floor=making["bare"],
            ours=making[name],
            at_most=2,
            how=f"floor: pg_dump; {dump.stat().st_size / 1e6:.0f} MB; ours with every row counted",
        )
        yield Figure(
            what=f"restore of {BARS.count:,} bars{said}",
            unit="s",
            floor=proving["bare"],
            ours=proving[name],
            at_most=2,
            how=f"floor: pg_restore; comparing every row takes {checking:.1f} s more",
        )
    for words in ("create", "verify"):
        megabytes = _peak(bench, url, words, public, secret)
        yield Figure(what=f"peak memory of backup {words}", unit="MB", ours=megabytes, at_most=200)


def _desk(url: str, folder: Path, **settings: object) -> Desk:
    chosen = {"database_url": url, "backup_location": str(folder), **settings}
    return Desk(Settings.model_validate(chosen))


def _dump(url: str, path: Path) -> None:
    with path.open("wb") as file:
        _run(url, "pg_dump", ["--format=custom", "--compress=1"], stdout=file)


async def _restore(url: str, path: Path) -> float:
    """Into an empty database, as ours is."""
    async with scratch(make_url(url)) as empty:
        begun = time.perf_counter()
        address = empty.render_as_string(hide_password=False)
        options = ["--no-owner", "--single-transaction", f"--dbname={empty.database}", str(path)]
        await asyncio.to_thread(lambda: _run(address, "pg_restore", options))
        return time.perf_counter() - begun


def _run(url: str, name: str, arguments: list[str], **pipes: object) -> None:
    parts = make_url(url)
    subprocess.run(  # type: ignore[call-overload]
        [program(name, 15), *arguments], env=environment(parts), check=True, **pipes
    )


def _peak(bench: Workbench, url: str, words: str, public: str, secret: str) -> float:
    """Of a process of its own."""
    process = subprocess.Popen(
        [*tradeapi("backup"), words],
        cwd=bench.folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **in_development(url),
            "BACKUP_LOCATION": str(bench.folder / "measured"),
            "BACKUP_RECIPIENTS": public,
            "BACKUP_IDENTITY": secret,
        },
        stdout=subprocess.DEVNULL,
    )
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        with suppress(OSError):
            peak = max(peak, *map(int, re.findall(r"VmHWM:\s+(\d+)", status.read_text())), 0)
        time.sleep(0.01)
    assert process.returncode == 0
    return peak * 1024 / 1e6


def _keep(best: dict[str, float], name: str, seconds: float) -> None:
    best[name] = min(best[name], seconds)


def _seconds(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
