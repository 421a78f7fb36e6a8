"""A web page in Node, with charts that have our datafeed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.servers.programs import version

SCRIPT = Path(__file__).with_suffix(".mjs")
# Before that sockets had to be asked for.
WITH_SOCKETS = (22,)


class Failed(Exception):
    """What the datafeed gave as a reason."""


class Page:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, command: str, **given: object) -> Any:
        """Raises Failed where the datafeed says that it can't."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps({"command": command, **given}).decode() + "\n")
        self._process.stdin.flush()
        answer = orjson.loads(self._process.stdout.readline())
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer["done"]

    @property
    def seen(self) -> Any:
        return self.do("seen")


@contextmanager
def page(node: Path, url: str, **options: object) -> Iterator[Page]:
    flags = [] if version(node) >= WITH_SOCKETS else ["--experimental-websocket", "--no-warnings"]
    told = orjson.dumps({"url": url, **options}).decode()
    with subprocess.Popen(
        [node, *flags, SCRIPT, told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Page(process)
        finally:
            process.kill()
