"""Networks of the tests' own, with a wire between them that can be pulled out."""

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers.processes import end_with_parent

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
WIRE = "wire"
HERE, THERE = "10.0.0.1", "10.0.0.2"


class Network:
    """Lives as long as its process; whoever is inside has its addresses and no others."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made && exec sleep infinity"],  # noqa: S607
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: end_with_parent(signal.SIGKILL),  # noqa: PLW1509  one thread
            text=True,
        )

    def is_made(self) -> bool:
        """Waits for it."""
        assert self._process.stdout is not None
        return self._process.stdout.readline() == "made\n"

    @property
    def number(self) -> str:
        """By which it is known."""
        return str(self._process.pid)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread opens and starts is of the network, and remains so."""
        own = Path("/proc/thread-self/ns/net")
        with own.open() as outside, Path(f"/proc/{self.number}/ns/net").open() as net:
            _enter(net.fileno())
            try:
                yield
            finally:
                _enter(outside.fileno())

    def ip(self, *words: str) -> None:
        with self.inside():
            subprocess.run(["ip", *words], check=True, capture_output=True)  # noqa: S607

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _enter(file: int) -> None:
    if LIBC.setns(file, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def two_networks() -> Iterator[tuple[Network, Network]]:
    """At the addresses HERE and THERE; skips the test where nobody may make any."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("Only root makes networks, with unshare and ip.")
    with ExitStack() as resources:
        here, there = Network(), Network()
        for network in (here, there):
            resources.callback(network.close)
        if not (here.is_made() and there.is_made()):
            pytest.skip("This machine lets nobody make networks.")
        try:
            here.ip("link", "add", WIRE, "type", "veth", "peer", WIRE, "netns", there.number)
        except subprocess.CalledProcessError:
            pytest.skip("This machine lets nobody make wires between networks.")
        for network, address in ((here, HERE), (there, THERE)):
            network.ip("link", "set", "lo", "up")
            network.ip("address", "add", f"{address}/24", "dev", WIRE)
            network.ip("link", "set", WIRE, "up")
        yield here, there
