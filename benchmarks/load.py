"""Load: wrk where there is one, else a client of our own that gives out earlier."""

import asyncio
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.processes import MEASURING, on

CONNECTIONS = 32
# Of those who ask for what is made anew: more only queue for a connection to the database.
MAKING_CONNECTIONS = 8
COUNTING = Path(__file__).with_name("counting.lua")
# As `end` of a range they lie after every bar, so that each asks for the same bars.
_numbers = count(2_000_000_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Load:
    """`p99` is in seconds."""

    requests: int
    seconds: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def fire(url: str, *, seconds: int, counting: bool = False, token: str | None = None) -> Load:
    """Ask for `url` as fast as the answers come; `counting` appends a number never used before,
    and `token` says who asks.
    """
    first = next(_numbers) if counting else None
    connections = CONNECTIONS if first is None else MAKING_CONNECTIONS
    with on(MEASURING):
        wrk = shutil.which("wrk")
        if wrk is None:
            return asyncio.run(_fire(url, seconds, connections, first, token))
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
        if token is not None:
            command += ["-H", f"Authorization: Bearer {token}"]
        if first is not None:
            command += ["-s", str(COUNTING), "--", str(first)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    requests, took = re.search(r"(\d+) requests in ([\d.]+)s", said).groups()  # type: ignore[union-attr]
    p99, unit = re.search(r" 99%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    return Load(int(requests), float(took), float(p99) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit])


async def _fire(
    url: str, seconds: int, connections: int, first: int | None, token: str | None
) -> Load:
    begun = time.perf_counter()
    took: list[float] = []
    numbers = None if first is None else count(first)
    async with asyncio.TaskGroup() as clients:
        for _ in range(connections):
            clients.create_task(_client(url, begun + seconds, numbers, token, took))
    took.sort()
    return Load(len(took), time.perf_counter() - begun, took[int(len(took) * 0.99)])


async def _client(
    url: str, until: float, numbers: "count[int] | None", token: str | None, took: list[float]
) -> None:
    caller = f"Authorization: Bearer {token}\r\n" if token is not None else ""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
    while (begun := time.perf_counter()) < until:
        path = f"{parts.path}?{parts.query}" + ("" if numbers is None else str(next(numbers)))
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{caller}\r\n"
        writer.write(head.encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert answer.startswith(b"http/1.1 200"), answer
        await reader.readexactly(int(answer.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        took.append(time.perf_counter() - begun)
    writer.close()
