"""The disk under SQLite is full, or fails; once it does not, all goes on by itself."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.asking import Asking
from tests.hostile.serving import Server, serve

DISK_BYTES = 8 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("Only root makes disks, with mount.")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder],  # noqa: S607
        check=False,
    )
    if made.returncode:
        pytest.skip("This machine lets nobody make disks.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


def test_a_full_disk_takes_nothing_and_loses_nothing(
    sqlite_url: str, disk: Path, tmp_path: Path
) -> None:
    """What is there is still read; when there is room again, it goes on."""
    database = shutil.copy(sqlite_url.removeprefix("sqlite:///"), disk)
    with asking(f"sqlite:///{database}", tmp_path) as (caller, _):
        filler = disk / "filler"
        fill(filler)
        answer = caller.until_refused()
        assert answer.json()["code"] == "database_full"
        assert answer.headers["retry-after"] == "30"
        caller.assert_all_is_there()
        filler.unlink()
        caller.until_taken()
        caller.assert_all_is_there()


def fill(filler: Path) -> None:
    free = os.statvfs(filler.parent)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)


def test_a_disk_that_fails_is_an_outage(sqlite_url: str, tmp_path: Path) -> None:
    """Nothing longer than what is there can be written, and then it can."""
    with asking(sqlite_url, tmp_path) as (caller, server):
        caller.until_taken()
        written = Path(f"{sqlite_url.removeprefix('sqlite:///')}-wal").stat().st_size
        allowed = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (written, allowed[1]))
        assert caller.until_refused().json()["code"] == "database_unavailable"
        caller.assert_all_is_there()
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, allowed)
        caller.until_taken()
        caller.assert_all_is_there()


@contextmanager
def asking(url: str, folder: Path) -> Iterator[tuple[Asking, Server]]:
    """Nothing that happens is called a fault of the server's own."""
    with serve(url, folder, ROLES="") as server:
        yield Asking(server), server
        assert server.is_running
        assert server.crashes == []
