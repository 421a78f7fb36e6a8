"""`tradeapi serve` and `tradeapi worker` as processes, several of them on one database."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.shell.conftest import clean_environment


@dataclass
class Process:
    process: subprocess.Popen[str]
    log: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has logged; its last line may not be whole yet."""
        return [json.loads(line) for line in self.log.read_text().split("\n")[:-1]]

    def has_logged(self, event: str, **fields: object) -> bool:
        return any({"event": event, **fields}.items() <= logged.items() for logged in self.events)

    def address(self) -> str:
        """Where it serves, once it does."""
        assert self.process.stderr is not None
        words = self.process.stderr.readline().split()
        assert words[:2] == ["tradeapi", "serves"], self.log.read_text()
        return words[2]


Start = Callable[..., Process]


@pytest.fixture
def tradeapi(tmp_path: Path) -> Iterator[Start]:
    """`tradeapi("worker", DATABASE_URL=...)`; what still runs at the end is killed."""
    with ExitStack() as processes:
        numbers = count()

        def start(*command: str, **environment: str) -> Process:
            log = tmp_path / f"{next(numbers)}.log"
            with log.open("w") as stdout:
                process = processes.enter_context(
                    subprocess.Popen(
                        [sys.executable, "-m", "tradeapi", *command],
                        env=clean_environment(**environment),
                        cwd=tmp_path,
                        stdout=stdout,
                        stderr=subprocess.PIPE,
                        text=True,
                    )
                )
            processes.callback(process.kill)
            return Process(process, log)

        yield start
