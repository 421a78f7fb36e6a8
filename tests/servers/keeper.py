"""Throw-away PostgreSQL and Redis: started when first asked for, gone when the tests are.

A keeper, a process of its own, starts them and answers on a socket where they are. It lives as
long as its standard input is open, and so ends, servers and files included, however the tests end:
also by Ctrl-C, a crash or kill -9. The servers in turn end with the keeper.
"""

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.processes import Servers
from tests.servers.programs import Missing

ROOT = Path(__file__).parents[2]
PREFIX = "tradeapi-tests-"
QUESTION_SECONDS = 5.0
# The first answer may have to wait for a download.
ANSWER_SECONDS = 900.0
YOUNG_SECONDS = 60.0


@contextmanager
def keeper() -> Iterator[Path]:
    """Run a keeper; yield the socket it answers on."""
    # A session of its own, since Ctrl-C goes to every process of the terminal's.
    with subprocess.Popen(
        [sys.executable, "-m", "tests.servers.keeper"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        yield Path(process.stdout.readline().decode().strip())


def ask(keeper: Path, server: str) -> str:
    """Return the URL of a server (see processes.py), started if nobody asked before."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(keeper))
        connection.sendall(server.encode() + b"\n")
        with connection.makefile() as lines:
            answer: dict[str, str] = json.loads(lines.readline())
    if "missing" in answer:
        raise Missing(answer["missing"])
    return answer["url"]


def main() -> None:
    """Be the keeper: serve until standard input ends."""
    os.umask(0o022)  # nobody has to reach what root makes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    parent = os.getppid()
    # Root's own temporary folder may be closed to nobody.
    home = Path("/tmp" if os.geteuid() == 0 else tempfile.gettempdir())  # noqa: S108
    _sweep(home)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
    folder.chmod(0o755)
    _lock(folder)
    servers = Servers(folder)
    answers: dict[str, dict[str, str]] = {}
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "keeper"))
            listener.listen(64)
            print(listener.getsockname(), flush=True)  # noqa: T201
            while os.getppid() == parent:
                ready, _, _ = select.select([sys.stdin, listener], [], [], 1.0)
                if sys.stdin in ready:
                    break
                if listener in ready:
                    _answer(listener, servers, answers)
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _answer(listener: socket.socket, servers: Servers, answers: dict[str, dict[str, str]]) -> None:
    connection, _ = listener.accept()
    with suppress(OSError), connection, connection.makefile("rw") as lines:
        connection.settimeout(QUESTION_SECONDS)
        server = lines.readline().strip()
        if server not in answers:
            try:
                answers[server] = {"url": servers.start(server)}
            except (Missing, OSError, subprocess.SubprocessError) as error:
                answers[server] = {"missing": str(error)}
        lines.write(json.dumps(answers[server]) + "\n")


def _lock(folder: Path) -> bool:
    """Mark a folder as in use for as long as this process lives; tell whether it was free."""
    try:
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(home: Path) -> None:
    """Remove what a keeper left that was itself killed."""
    for folder in home.glob(f"{PREFIX}*"):
        with suppress(OSError):
            # A young one may be about to be locked.
            if time.time() - folder.stat().st_mtime > YOUNG_SECONDS and _lock(folder):
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
