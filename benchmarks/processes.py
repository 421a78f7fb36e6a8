"""Processes to measure: where they run, what CPU they use, and the servers among them."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
SERVES = "serves "
CORES = sorted(os.sched_getaffinity(0))
# What is measured has a core of its own, as far as there are two.
MEASURED, MEASURING = {CORES[0]}, {CORES[-1]}


@contextmanager
def on(cores: Iterable[int]) -> Iterator[None]:
    """Run here, with what is started meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    pid: int


def cpu_seconds(*pids: int) -> float:
    """The CPU time of processes so far, to the nanosecond."""
    # The clock's number as the kernel makes it, see clock_getcpuclockid(3).
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def forget_peak(served: Served) -> float:
    """The megabytes it has in memory now, from which on the peak is counted."""
    Path(f"/proc/{served.pid}/clear_refs").write_text("5")
    return peak(served)


def peak(served: Served) -> float:
    """The most megabytes it has had in memory."""
    status = Path(f"/proc/{served.pid}/status").read_text()
    [line] = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def allow_many_files() -> None:
    """Here and in what is started from now on: a socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def serving(
    command: Sequence[str], settings: Mapping[str, str], cores: Iterable[int] = MEASURED
) -> Iterator[Served]:
    """Run a server that announces its address; its log goes nowhere."""
    with TemporaryDirectory() as folder:
        with on(cores):
            process = subprocess.Popen(
                command,
                cwd=folder,  # away from any .env
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        with process:
            try:
                yield Served(_announced(process), process.pid)
            finally:
                process.terminate()


def get(served: Served, path: str) -> bytes:
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == HTTPStatus.OK, body
    return body


def _announced(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if SERVES in line:
            return line.partition(SERVES)[2].split()[0]
    raise RuntimeError(f"{process.args!r} does not serve:\n{said}")


def tradeapi(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("tradeapi")), *arguments]


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


# The load comes from one address, and asks more in a second than a caller does in a day.
UNLIMITED = {
    "WEBSOCKET_CONNECTIONS_PER_USER": "10000",
    **{
        f"RATE_LIMIT_{name}PER_MINUTE": "100000000"
        for name in ("", "USER_", "HISTORY_", "LOGIN_", "HEAVY_", "INGEST_")
    },
}


def in_development(database_url: str, *, demo: bool = False) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "DEMO": str(demo).lower(), "PORT": "0", **UNLIMITED}


def as_in_production(database_url: str) -> dict[str, str]:
    """The settings of a server under load."""
    return {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "a secret that is long enough for production",
        "DATABASE_URL": database_url,
        "PUBLIC_READ": "true",
        "DRAIN_SECONDS": "0",
        "PORT": "0",
        **UNLIMITED,
    }
