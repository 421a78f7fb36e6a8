"""The service as `make run` starts it, and a reader's shell beside it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.documents import curl
from tests.shell.conftest import clean_environment

ADDRESS = "127.0.0.1:8000"
# It is opened last, and trades at all hours.
LAST_OPENED = "SIM:ETHUSD"
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Demo:
    """`folder` is the reader's; commands in it find the service's database."""

    url: str
    folder: Path
    environment: dict[str, str]

    def here(self, text: str) -> str:
        """A document's text with the address that the service has here."""
        return text.replace(ADDRESS, urlsplit(self.url).netloc)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-e", "-c", self.here(command)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    environment = clean_environment(DATABASE_URL=f"sqlite:///{folder}/demo.db")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradeapi", "serve", "--port", "0"],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert process.stderr is not None
        words = process.stderr.readline().split()
        assert words[:2] == ["tradeapi", "serves"], (folder / "log").read_text()
        _wait_until_open(words[2])
        programs = folder / "programs"
        programs.mkdir()
        _install(programs)
        path = f"{programs}:{environment['PATH']}"
        yield Demo(words[2], folder, {**environment, "PATH": path, "CURL_HOME": str(programs)})
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait_until_open(url: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        answer = httpx2.get(f"{url}/api/v1/quotes", params={"symbols": LAST_OPENED})
        if answer.json()["items"][0].get("stale") is False:
            return
        time.sleep(0.1)
    raise TimeoutError(LAST_OPENED)


def _install(programs: Path) -> None:
    """Have what the documents call, with curl failing where the service refuses."""
    (programs / ".curlrc").write_text("fail-with-body\n")
    scripts = {"tradeapi": "-m tradeapi"}
    if shutil.which("curl") is None:
        scripts["curl"] = curl.__file__
    for name, arguments in scripts.items():
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        script.chmod(0o755)
