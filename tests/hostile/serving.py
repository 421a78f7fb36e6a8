"""`tradeapi serve` as a process of its own, which may be killed and started again."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.shell.conftest import clean_environment

JSON = {"content-type": "application/json"}
TRADEAPI = ("-m", "tradeapi.cli")


class Server:
    """On one database and, once it has been started, on one port."""

    def __init__(
        self, url: str, folder: Path, *, program: Sequence[str] = TRADEAPI, **settings: str
    ) -> None:
        self._program = program
        self._settings = {"DATABASE_URL": url, "DEMO": "false", "LOG_LEVEL": "warning", **settings}
        self._folder = folder
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        # One that answers late answers wrongly.
        self.client = httpx2.Client(timeout=30, trust_env=False)

    def start(self) -> None:
        log = (self._folder / "log").open("a")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, *self._program, "serve", "--port", str(self._port)],
                env=clean_environment(**self._settings),
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self._process.stderr is not None
        words = self._process.stderr.readline().split()
        assert words[:2] == ["tradeapi", "serves"], self.log
        self._port = int(words[2].rpartition(":")[2])
        self.client.base_url = httpx2.URL(words[2])

    def admit_admin(self) -> str:
        """Make an admin, and have the client call with a key of theirs, which is returned; it has
        no limit to speak of.
        """
        email, password = "admin@example.com", "a sentence nobody guesses"
        subprocess.run(
            [sys.executable, "-m", "tradeapi.cli", "user", "create", email, "--admin"],
            env=clean_environment(**self._settings),
            cwd=self._folder,
            input=f"{password}\n",
            text=True,
            check=True,
            capture_output=True,
        )
        form = {"username": email, "password": password}
        login = self.client.post("/api/v1/auth/token", data=form).raise_for_status().json()
        made = self.client.post(
            "/api/v1/auth/api-keys",
            json={"name": "tests", "scopes": ["read", "write", "ingest", "admin"]},
            headers={"authorization": f"Bearer {login['access_token']}"},
        ).raise_for_status()
        key: str = made.json()["key"]
        self.client.headers["x-api-key"] = key
        rate = f"/api/v1/admin/api-keys/{made.json()['id']}/rate"
        self.client.put(rate, json={"rate": 1_000_000}).raise_for_status()
        return key

    def kill(self) -> None:
        """Without any warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stderr is not None
            self._process.stderr.close()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """How it has ended."""
        assert self._process is not None
        code = self._process.wait(timeout=60)
        self.kill()
        return code

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    @property
    def crashes(self) -> list[str]:
        """What it has logged as its own faults."""
        return [line for line in self.log.splitlines() if '"level":"error"' in line]

    @property
    def memory(self) -> int:
        """Resident, in bytes."""
        assert self._process is not None
        resident: int = psutil.Process(self._process.pid).memory_info().rss
        return resident

    @property
    def files(self) -> int:
        """How many it has open; connections are none, those to the database are kept in a pool."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        return process.num_fds() - len(process.net_connections("tcp"))

    @property
    def sockets(self) -> int:
        """How many connections it holds."""
        assert self._process is not None
        connections = psutil.Process(self._process.pid).net_connections("tcp")
        ours = [one for one in connections if getattr(one.laddr, "port", None) == self._port]
        return sum(one.status != psutil.CONN_LISTEN for one in ours)

    def metric(self, name: str) -> float:
        """The sum of all series of this name."""
        text = self.client.get("/metrics").text
        return sum(
            float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        )

    def get(self, path: str, **query: object) -> Any:
        answer = self.client.get(f"/api/v1{path}", params={key: str(query[key]) for key in query})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, items: object) -> Any:
        answer = self.client.post(f"/api/v1{path}", json=items)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, **fields: object) -> None:
        answer = self.client.put(f"/api/v1{path}", json=fields)
        assert answer.is_success, answer.text


@contextmanager
def serve(
    url: str, folder: Path, *, program: Sequence[str] = TRADEAPI, **settings: str
) -> Iterator[Server]:
    server = Server(url, folder, program=program, **settings)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        server.client.close()


def eventually(seconds: float = 10) -> Iterator[None]:
    """Try again, ten times a second: `for _ in eventually(): if ...: break`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)
    raise AssertionError(f"It has not come about within {seconds} seconds.")
